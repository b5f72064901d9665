internal import JobAPI
internal import JobStore
internal import Jobs
internal import Synchronization

/// Jobs as they are sent, kept until the store says that they have changed.
///
/// A client that polls costs a look-up instead of a query and an encoding.
final class JobCache: Sendable {
  /// A job, encoded.
  struct Entry: Sendable {
    let bytes: [UInt8]
    /// The entity tag, quotes included: it changes whenever the bytes do.
    let tag: String
    let isFinal: Bool
  }

  private struct State {
    var entries: [JobID: Entry] = [:]
    /// Reads under way. A change takes the number away, so that what was read before the change
    /// is not kept after it.
    var reads: [JobID: UInt64] = [:]
    var readNumber: UInt64 = 0
  }

  /// Entries of some kilobytes each: tens of megabytes at most.
  private static let entryCountMax = 8192

  private let store: JobStore
  private let state = Mutex(State())

  init(store: JobStore) {
    self.store = store
  }

  /// The job as it is now.
  ///
  /// - Throws: `.notFound` and what reading can throw.
  func entry(_ id: JobID) throws(StoreError) -> Entry {
    let (known, number) = state.withLock { state -> (Entry?, UInt64) in
      if let entry = state.entries[id] { return (entry, 0) }
      state.readNumber += 1
      state.reads[id] = state.readNumber
      return (nil, state.readNumber)
    }
    if let known { return known }
    do {
      let entry = Entry(try store.job(id))
      state.withLock { state in
        guard state.reads[id] == number else { return }
        state.reads[id] = nil
        if state.entries.count >= Self.entryCountMax { state.entries.removeAll() }
        state.entries[id] = entry
      }
      return entry
    } catch {
      state.withLock { state in
        if state.reads[id] == number { state.reads[id] = nil }
      }
      throw error
    }
  }

  /// Forgets jobs that have changed.
  func forget(_ changes: [JobChange]) {
    state.withLock { state in
      for change in changes {
        state.entries[change.id] = nil
        state.reads[change.id] = nil
      }
    }
  }
}

extension JobCache.Entry {
  /// Encodes a job.
  init(_ job: Job) {
    bytes = Job.record.json(job).bytes
    tag = "\"\(job.version)\""
    isFinal = job.state.isFinal
  }
}
