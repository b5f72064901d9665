internal import Dispatch
package import JobStore
package import Jobs
internal import Synchronization

/// One attempt of a job, as its runner sees it.
///
/// Every call is short and may come from any thread. What is said is written down in groups, a
/// few times a second, and at the latest with the outcome, in one transaction. Order is kept.
package final class RunningJob: Sendable {
  /// The job as it was claimed.
  package let job: Job

  fileprivate struct State {
    var pending: [JobUpdate] = []
    /// Metrics that were said since the last update of another type; one update when written.
    var points: [MetricPoint] = []
    var stop: StopReason?
  }

  private let state = Mutex(State())
  private let store: JobStore
  /// Keeps groups of updates, and the outcome after them, in their order.
  private let order: DispatchQueue

  init(_ job: Job, store: JobStore) {
    self.job = job
    self.store = store
    order = DispatchQueue(label: "bitnet.job.\(job.id)")
  }

  /// The attempt's number, 1 or more.
  package var attempt: Int { job.state.attempt }

  /// The checkpoint or shard to go on from; nil for a start from nothing.
  package var resumedFrom: String? { job.resumedFrom }

  /// Why the runner is to stop at its next step boundary, with a checkpoint kept; nil while it is
  /// to go on. The runner then returns `.stopped`.
  package var stopRequested: StopReason? { state.withLock { $0.stop } }

  /// Says how far the job has come. Of several within a fraction of a second the last one counts.
  package func report(_ progress: Progress) {
    add(.progress(progress))
  }

  /// Adds a point to each of some curves.
  ///
  /// - Parameter step: rises within a curve; a step that is there already is left out.
  package func metrics(_ values: [(name: String, value: Double)], step: Int64) {
    let time = store.now
    state.withLock { state in
      state.points += values.map {
        MetricPoint(name: $0.name, step: step, value: $0.value, time: time)
      }
    }
  }

  /// Adds a line to the job's log. It must not hold a secret.
  package func log(_ level: LogLevel, _ message: String) {
    add(.log(level, message))
  }

  /// Shows a file that is on the disk, whole and under its final name.
  package func addArtifact(_ artifact: Artifact) {
    add(.artifact(artifact))
  }

  /// Replaces the job's health.
  package func health(_ health: JSONValue) {
    add(.health(health))
  }

  /// Shows a model that is on the disk.
  package func addModel(_ model: ModelRecord) {
    add(.model(model))
  }

  /// Shows a set of traces.
  package func addTrace(_ trace: TraceRecord) {
    add(.trace(trace))
  }

  /// Shows a shard of traces that is on the disk.
  package func addTraceShard(_ shard: TraceShardRecord) {
    add(.traceShard(shard))
  }

  /// Names the checkpoint or shard that the next attempt goes on from, and waits until this is
  /// written down: what came before it may be deleted then.
  ///
  /// - Throws: when it was not written down; the one before still counts.
  package func recordCheckpoint(_ path: String) throws(StoreError) {
    add(.checkpoint(path))
    try write()
  }

  private func add(_ update: JobUpdate) {
    state.withLock { state in
      state.seal()
      state.pending.append(update)
    }
  }

  func requestStop(_ reason: StopReason) {
    state.withLock { state in
      // A cancel is for good, a drain is not.
      if state.stop != .cancel { state.stop = reason }
    }
  }

  /// Writes down what was said so far, and hears whether the job was cancelled.
  ///
  /// - Throws: what the store throws; what was said is then kept for the next time, except when
  ///   the attempt was superseded.
  func write() throws(StoreError) {
    let result = order.sync { () -> Result<Void, StoreError> in
      let updates = take()
      if updates.isEmpty { return .success(()) }
      do throws(StoreError) {
        if try store.record(updates, of: job.id, attempt: attempt) { requestStop(.cancel) }
        return .success(())
      } catch {
        if case .superseded = error {
          requestStop(.cancel)
        } else {
          giveBack(updates)
        }
        return .failure(error)
      }
    }
    try result.get()
  }

  /// Ends the attempt with all that was said.
  ///
  /// - Returns: the job after it.
  /// - Throws: what the store throws; nothing was written then.
  func finish(_ outcome: JobOutcome) throws(StoreError) -> Job {
    let result = order.sync { () -> Result<Job, StoreError> in
      let updates = take()
      do throws(StoreError) {
        return .success(
          try store.finish(job.id, attempt: attempt, outcome: outcome, updates: updates))
      } catch {
        giveBack(updates)
        return .failure(error)
      }
    }
    return try result.get()
  }

  /// Forgets what was said and not yet written down.
  func discard() {
    _ = take()
  }

  private func take() -> [JobUpdate] {
    state.withLock { state in
      state.seal()
      defer { state.pending = [] }
      return state.pending
    }
  }

  private func giveBack(_ updates: [JobUpdate]) {
    state.withLock { state in
      state.seal()
      state.pending = updates + state.pending
    }
  }
}

extension RunningJob.State {
  /// Closes the group of points, so that what comes next stands after it.
  mutating func seal() {
    if points.isEmpty { return }
    pending.append(.metrics(points))
    points = []
  }
}
