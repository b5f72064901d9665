package import JobStore
package import Jobs

/// What an operator wants to read about the pool.
package enum WorkerPoolEvent: Equatable, Sendable {
  /// Jobs of processes that are no more were taken back at the start.
  case recovered([JobID])
  case claimed(JobID, attempt: Int)
  /// An attempt ended; the job is in this state then.
  case finished(JobID, attempt: Int, JobState.Name)
  /// A worker's attempt was not the running one any more; what it said was dropped.
  case superseded(JobID, attempt: Int)
  /// The store refused; it is asked again, unless it has stopped for good.
  case storeFailed(StoreError)
  /// The store has stopped for good before the outcome was written; the next start goes on from the
  /// last checkpoint.
  case outcomeNotWritten(JobID, attempt: Int)
}
