// The one way to go parallel: a persistent team of threads, fork and join per operation.
//
// The calling thread is worker 0 and does the first part itself. The others spin for some tens of
// microseconds after an operation, because the next one usually follows at once, and then sleep on
// a condition variable, so that an idle team leaves the machine to others.
//
//   - The split of an operation depends on its size and on the thread count, never on timing.
//   - One operation runs at a time; callers from several threads wait for each other.
//   - Each worker owns scratch memory, and all of them share some more, that grows to what was asked
//     for and stays.

internal import CKernels
internal import Foundation
internal import Synchronization

/// Threads that split loops over rows.
package final class ComputeTeam: Sendable {
  /// Where the threads that a team starts may run; the calling thread is never moved.
  package enum Placement: Sendable {
    /// Where the operating system puts them.
    case free
    /// Each on a CPU of its own, counted from the last that this process may use, as long as there
    /// are enough of them. For a machine that nothing else uses.
    case pinned
  }

  /// The process's team: `BITNET_THREADS` threads, else one per core; pinned when `BITNET_PIN` is 1.
  package static let shared: ComputeTeam = {
    let environment = ProcessInfo.processInfo.environment
    let asked = environment["BITNET_THREADS"].flatMap(Int.init)
    return ComputeTeam(
      threadCount: max(1, asked ?? ProcessInfo.processInfo.activeProcessorCount),
      placement: environment["BITNET_PIN"] == "1" ? .pinned : .free)
  }()

  /// Threads that work on an operation, the caller among them; 1 or more.
  package let threadCount: Int
  private let crew: Crew

  /// Starts `threadCount - 1` threads, which end with this object.
  package init(threadCount: Int, placement: Placement = .free) {
    precondition(threadCount >= 1, "a team needs a thread")
    self.threadCount = threadCount
    crew = Crew(threadCount: threadCount)
    for index in 1..<max(1, threadCount) {
      let thread = Thread { [crew] in
        if placement == .pinned { thread_run_on_cpu_from_last(Int32(index - 1)) }
        crew.work(as: index)
      }
      thread.name = "compute-\(index)"
      thread.start()
    }
  }

  deinit { crew.disband() }

  /// Runs `body` once on every thread at the same time, and returns when all are done.
  ///
  /// Not reentrant: `body` must not use the same team.
  ///
  /// - Parameter scratchBytes: memory of each worker's own. - Parameter sharedBytes: memory of all.
  ///   Both are aligned to 64 bytes, not zeroed, and valid during the call.
  package func parallel(
    scratchBytes: Int = 0, sharedBytes: Int = 0, _ body: (TeamWorker) -> Void
  ) {
    crew.run(scratchBytes: scratchBytes, sharedBytes: sharedBytes, body)
  }

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
    if count <= grain || threadCount == 1 {
      crew.runAlone(scratchBytes: scratchBytes) { body(0..<count, $0.scratch) }
    } else {
      crew.run(scratchBytes: scratchBytes, sharedBytes: 0) { worker in
        let range = worker.part(of: count, grain: grain)
        if !range.isEmpty { body(range, worker.scratch) }
      }
    }
  }
}

/// One thread of a team, inside an operation.
package struct TeamWorker {
  /// In `0 ..< count`.
  package let index: Int
  /// Threads that work on this operation.
  package let count: Int
  /// This worker's own memory.
  package let scratch: UnsafeMutableRawPointer
  /// The memory of all workers.
  package let shared: UnsafeMutableRawPointer
  fileprivate let crew: Crew

  /// This worker's part of `0 ..< total`: as many multiples of `grain` as the others have, or one
  /// more or less; empty when there are not enough.
  package func part(of total: Int, grain: Int) -> Range<Int> {
    let units = (total + grain - 1) / grain
    let workers = min(count, units)
    guard index < workers else { return total..<total }
    return units * index / workers * grain..<min(total, units * (index + 1) / workers * grain)
  }

  /// Returns when every worker of the operation has called this as often as this one has. What they
  /// wrote before is seen after.
  package func waitForAll() { if count > 1 { crew.waitForAll() } }
}

/// What the threads share; it outlives the `ComputeTeam` until the last thread has left.
// Unchecked: `body`, `scratch` and `shared` are written by the caller that holds `turn`, before the
// release of `generation`, and read by workers after its acquire.
private final class Crew: @unchecked Sendable {
  typealias Body = (TeamWorker) -> Void

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
  /// Calls of `waitForAll` so far, of all workers together.
  private let arrivals = Atomic<Int>(0)
  private var body: Body?
  private var scratch: [AlignedBuffer<UInt8>]
  private var shared = AlignedBuffer<UInt8>(count: 64)

  init(threadCount: Int) {
    self.threadCount = threadCount
    scratch = (0..<threadCount).map { _ in AlignedBuffer(count: 64) }
  }

  /// The caller's own thread does everything.
  func runAlone(scratchBytes: Int, _ body: Body) {
    takingTurn(scratchBytes: scratchBytes, sharedBytes: 0) { body(worker(0, of: 1)) }
  }

  func run(scratchBytes: Int, sharedBytes: Int, _ body: Body) {
    takingTurn(scratchBytes: scratchBytes, sharedBytes: sharedBytes) {
      guard threadCount > 1 else { return body(worker(0, of: 1)) }
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
        body(worker(0, of: threadCount))
        spin { unfinished.load(ordering: .acquiring) == 0 }
        self.body = nil
      }
    }
  }

  private func takingTurn(scratchBytes: Int, sharedBytes: Int, _ operation: () -> Void) {
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
    if shared.count < sharedBytes { shared = AlignedBuffer(count: sharedBytes) }
    operation()
  }

  private func worker(_ index: Int, of count: Int) -> TeamWorker {
    TeamWorker(
      index: index, count: count, scratch: scratch[index].pointer, shared: shared.pointer,
      crew: self)
  }

  func work(as index: Int) {
    var seen = 0
    while waitForWork(after: seen) {
      seen += 1
      body!(worker(index, of: threadCount))
      unfinished.subtract(1, ordering: .releasing)
    }
  }

  func waitForAll() {
    // Nobody arrives for the next round before all have arrived for this one.
    let arrival = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
    let last = (arrival + threadCount - 1) / threadCount * threadCount
    spin { arrivals.load(ordering: .acquiring) >= last }
  }

  private func spin(until isDone: () -> Bool) {
    var spins = 0
    while !isDone() {
      cpu_pause()
      spins += 1
      // The machine may be shared: a worker that lost its core needs ours.
      if spins % Self.spinCount == 0 { sched_yield() }
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
