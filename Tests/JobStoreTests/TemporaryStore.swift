import Foundation
import JobStore
import Jobs
import Synchronization

/// A data folder of its own for one test, gone with the value.
final class TemporaryFolder: Sendable {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "bitnet-" + UUID().uuidString
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// A clock that stands until it is set forward.
final class ManualClock: Sendable {
  private let milliseconds = Atomic<Int64>(1_800_000_000_000)

  var now: Timestamp { Timestamp(milliseconds: milliseconds.load(ordering: .relaxed)) }

  func advance(seconds: Double) {
    milliseconds.add(Int64(seconds * 1000), ordering: .relaxed)
  }
}

/// A real store in a folder of its own, with a clock that stands.
struct TemporaryStore {
  let folder: TemporaryFolder
  let clock: ManualClock
  let store: JobStore

  init(
    folder: TemporaryFolder = TemporaryFolder(), clock: ManualClock = ManualClock(),
    boot: BootID = .make(at: .now()), retryPolicy: RetryPolicy = RetryPolicy()
  ) throws {
    self.folder = folder
    self.clock = clock
    store = try JobStore(
      folder: folder.path, boot: boot,
      configuration: JobStore.Configuration(retryPolicy: retryPolicy, clock: { clock.now }))
  }

  /// The same folder after the daemon died and started anew.
  func restarted() throws -> TemporaryStore {
    store.close()
    return try TemporaryStore(folder: folder, clock: clock)
  }

  /// Submits one job.
  @discardableResult
  func submit(
    _ kind: JobKind = .train, name: String = "", priority: Int = 0, tags: [String: String] = [:],
    maxAttempts: Int = 1, after: [JobID] = []
  ) throws -> JobID {
    let job = NewJob(
      id: .make(at: clock.now), kind: kind, name: name, priority: priority, tags: tags,
      spec: ["steps": 3], maxAttempts: maxAttempts, after: after)
    return try store.submit([job]).jobs[0].id
  }

  /// Submits one job and claims it.
  func running(maxAttempts: Int = 1) throws -> Job {
    try submit(maxAttempts: maxAttempts)
    guard let job = try store.claimNext(.compute) else { throw StoreError.notFound("a job") }
    return job
  }

  /// The states that the job went through, from its events.
  func history(_ id: JobID) throws -> [String] {
    try store.events(of: id, after: 0, limit: 1000).filter { $0.type == .state }
      .compactMap { $0.data["state"]?.stringValue }
  }
}

extension Problem {
  static let example = Problem(
    type: "urn:bitnet:problem:example", title: "An example", detail: "no luck")
}
