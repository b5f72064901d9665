// The one way to go parallel: a persistent team of threads, fork and join per operation.
//
// The calling thread is worker 0 and does the first part itself. The others spin for some tens of
// microseconds after an operation, because the next one usually follows at once, and then sleep on
// a condition variable, so that an idle team leaves the machine to others.
//
//   - The split of an operation depends on its size and on the thread count, never on timing.
//   - One operation runs at a time; callers from several threads wait for each other.
//   - Each worker owns scratch memory that grows to what was asked for and stays.

internal import CKernels
internal import Foundation
internal import Synchronization

/// Threads that split loops over rows.
package final class ComputeTeam: Sendable {
  /// The process's team: `BITNET_THREADS` threads, else one per core.
  package static let shared: ComputeTeam = {
    let asked = ProcessInfo.processInfo.environment["BITNET_THREADS"].flatMap(Int.init)
    return ComputeTeam(threadCount: max(1, asked ?? ProcessInfo.processInfo.activeProcessorCount))
  }()

  /// Threads that work on an operation, the caller among them; 1 or more.
  package let threadCount: Int
  private let crew: Crew

  /// Starts `threadCount - 1` threads, which end with this object.
  package init(threadCount: Int) {
    precondition(threadCount >= 1, "a team needs a thread")
    self.threadCount = threadCount
    crew = Crew(threadCount: threadCount)
    for index in 1..<max(1, threadCount) {
      let thread = Thread { [crew] in crew.work(as: index) }
      thread.name = "compute-\(index)"
      thread.start()
    }
  }

  deinit { crew.disband() }

  /// Splits `0 ..< count` into at most `threadCount` contiguous ranges at multiples of `grain`, runs
  /// `body` on each range that is not empty, each on its own thread, and returns when all are done.
  ///
  /// Not reentrant: `body` must not use the same team.
  package func parallelRows(_ count: Int, grain: Int = 1, _ body: (Range<Int>) -> Void) {
    parallelRows(count, grain: grain, scratchBytes: 0) { range, _ in body(range) }
  }

  /// As `parallelRows(_:grain:_:)`, with `scratchBytes` of the worker's own memory, aligned to 64
  /// bytes, not zeroed, valid during the call.
  package func parallelRows(
    _ count: Int, grain: Int = 1, scratchBytes: Int,
    _ body: (Range<Int>, UnsafeMutableRawPointer) -> Void
  ) {
    guard count > 0 else { return }
    let unitCount = (count + grain - 1) / grain
    let workers = min(threadCount, unitCount)
    crew.run(workers: workers, scratchBytes: scratchBytes) { worker, scratch in
      guard worker < workers else { return }
      let first = unitCount * worker / workers * grain
      let last = min(count, unitCount * (worker + 1) / workers * grain)
      body(first..<last, scratch)
    }
  }
}

/// What the threads share; it outlives the `ComputeTeam` until the last thread has left.
// Unchecked: `body`, `scratchBytes` and `scratch` are written by the caller that holds `turn`, before
// the release of `generation`, and read by workers after its acquire.
private final class Crew: @unchecked Sendable {
  typealias Body = (Int, UnsafeMutableRawPointer) -> Void

  // About 20 microseconds: longer than the gap between two operations of a training step, shorter
  // than what anybody else on the machine would notice.
  private static let spinCount = 2000

  private let threadCount: Int
  private let turn = NSLock()
  private let wakeUp = NSCondition()
  private let generation = Atomic<Int>(0)
  private let unfinished = Atomic<Int>(0)
  private let sleeping = Atomic<Int>(0)
  private let isDisbanded = Atomic<Bool>(false)
  /// The calling thread whose turn it is, 0 between operations.
  private let owner = Atomic<UInt>(0)
  private var body: Body?
  private var scratchBytes = 0
  private var scratch: [AlignedBuffer<UInt8>]

  init(threadCount: Int) {
    self.threadCount = threadCount
    scratch = (0..<threadCount).map { _ in AlignedBuffer(count: 64) }
  }

  func run(workers: Int, scratchBytes: Int, _ body: Body) {
    // Without this, a body that used its own team would wait for itself for ever.
    precondition(
      owner.load(ordering: .relaxed) != UInt(pthread_self()), "a body must not use its own team")
    turn.lock()
    owner.store(UInt(pthread_self()), ordering: .relaxed)
    defer {
      owner.store(0, ordering: .relaxed)
      turn.unlock()
    }
    for worker in 0..<threadCount where scratch[worker].count < scratchBytes {
      scratch[worker] = AlignedBuffer(count: scratchBytes)
    }
    guard workers > 1 else { return body(0, scratch[0].pointer) }
    withoutActuallyEscaping(body) { body in
      self.body = body
      unfinished.store(threadCount - 1, ordering: .relaxed)
      // Sequentially consistent with `sleeping`: either a worker sees the new generation before it
      // sleeps, or its sleep is seen here.
      generation.add(1, ordering: .sequentiallyConsistent)
      if sleeping.load(ordering: .sequentiallyConsistent) > 0 {
        wakeUp.lock()
        wakeUp.broadcast()
        wakeUp.unlock()
      }
      body(0, scratch[0].pointer)
      var spins = 0
      while unfinished.load(ordering: .acquiring) > 0 {
        cpu_pause()
        spins += 1
        // The machine may be shared: a worker that lost its core needs ours.
        if spins % Self.spinCount == 0 { sched_yield() }
      }
      self.body = nil
    }
  }

  func work(as worker: Int) {
    var seen = 0
    while waitForWork(after: seen) {
      seen += 1
      body!(worker, scratch[worker].pointer)
      unfinished.subtract(1, ordering: .releasing)
    }
  }

  func disband() {
    isDisbanded.store(true, ordering: .sequentiallyConsistent)
    wakeUp.lock()
    wakeUp.broadcast()
    wakeUp.unlock()
  }

  /// False when the team is gone.
  private func waitForWork(after seen: Int) -> Bool {
    for _ in 0..<Self.spinCount {
      if generation.load(ordering: .acquiring) != seen { return true }
      cpu_pause()
    }
    wakeUp.lock()
    defer { wakeUp.unlock() }
    sleeping.add(1, ordering: .sequentiallyConsistent)
    defer { sleeping.subtract(1, ordering: .sequentiallyConsistent) }
    while generation.load(ordering: .sequentiallyConsistent) == seen {
      if isDisbanded.load(ordering: .sequentiallyConsistent) { return false }
      wakeUp.wait()
    }
    return true
  }
}
