import Dispatch
import Foundation
import JobStore
import Jobs
import Synchronization
import WorkerPool

/// A real store in a folder of its own, and a way to wait for what happens in it.
final class TemporaryPool: Sendable {
  let path: String
  let store: JobStore
  private let heard = Mutex<[JobChange]>([])
  private let news = DispatchSemaphore(value: 0)

  init(path: String? = nil, retryPolicy: RetryPolicy = RetryPolicy(firstDelaySeconds: 0.01)) throws
  {
    self.path = path ?? NSTemporaryDirectory() + "bitnet-" + UUID().uuidString
    store = try JobStore(
      folder: self.path, boot: .make(at: .now()),
      configuration: JobStore.Configuration(retryPolicy: retryPolicy))
    _ = store.observe { [weak self] _ in self?.news.signal() }
  }

  deinit {
    store.close()
    try? FileManager.default.removeItem(atPath: path)
  }

  /// A pool over the store that runs `runner`, started.
  func start(
    slots: [JobSlot: Int] = [.compute: 1], flushSeconds: Double = 0.02,
    log: @escaping @Sendable (WorkerPoolEvent) -> Void = { _ in },
    runner: @escaping WorkerPool.Runner
  ) throws -> WorkerPool {
    let pool = WorkerPool(
      store: store,
      configuration: WorkerPool.Configuration(slots: slots, flushSeconds: flushSeconds),
      log: log, runner: runner)
    try pool.start()
    return pool
  }

  @discardableResult
  func submit(
    name: String = "", slot: JobSlot = .compute, maxAttempts: Int = 1
  ) throws -> JobID {
    let job = NewJob(
      id: .make(at: .now()), kind: .train, name: name, slot: slot, maxAttempts: maxAttempts)
    return try store.submit([job]).jobs[0].id
  }

  /// The job, as soon as `isReached` is true of it.
  func wait(for id: JobID, until isReached: (Job) -> Bool) throws -> Job {
    while true {
      let job = try store.job(id)
      if isReached(job) { return job }
      news.wait()
    }
  }

  func waitUntilFinal(_ id: JobID) throws -> Job {
    try wait(for: id) { $0.state.isFinal }
  }
}

/// Something that a runner waits for and a test opens.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func open() { semaphore.signal() }

  func pass() {
    semaphore.wait()
    semaphore.signal()
  }
}

extension Problem {
  static let example = Problem(
    type: "urn:bitnet:problem:example", title: "An example", detail: "no luck")
}
