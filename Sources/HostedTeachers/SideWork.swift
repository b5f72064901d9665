internal import Dispatch
internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// A thread beside the collecting one: it does what it is given, in that order, and keeps the
/// outcomes until they are taken.
final class SideWork<Outcome: Sendable>: Sendable {
  private let line: WorkLine<Outcome>

  /// - Parameters:
  ///   - niceness: what the thread leaves to others, 0 to 19.
  ///   - tell: called on that thread when there are outcomes again.
  init(_ name: String, niceness: Int32 = 0, tell: @escaping @Sendable () -> Void) {
    let line = WorkLine<Outcome>(tell: tell)
    self.line = line
    // One thread for good, and not a queue's changing ones: the allocator keeps an arena a thread,
    // and each would come to hold as much as the largest shard needed.
    let thread = Thread {
      // Linux counts it by thread. Where it is refused, all run alike.
      if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, niceness) }
      line.run()
    }
    thread.name = name
    thread.start()
  }

  deinit { line.end() }

  /// Pieces whose outcomes were not taken yet.
  var owed: Int { line.state.withLock { $0.owed } }

  /// Whether an outcome waits to be taken.
  var hasOutcome: Bool { line.state.withLock { !$0.outcomes.isEmpty } }

  /// Does a piece that waits, if there is one, on this thread.
  func help() { line.help() }

  func start(_ work: @escaping @Sendable () -> Outcome) { line.add(work) }

  /// What is done by now.
  func take() -> [Outcome] {
    line.state.withLock { state in
      let outcomes = state.outcomes
      state.outcomes = []
      state.owed -= outcomes.count
      return outcomes
    }
  }

  /// Waits until everything is done.
  func takeAll() -> [Outcome] {
    line.pending.wait()
    return take()
  }
}

/// What both threads share; it outlives the `SideWork` until its thread has ended.
private final class WorkLine<Outcome: Sendable>: Sendable {
  struct State {
    var work: [@Sendable () -> Outcome] = []
    var outcomes: [Outcome] = []
    /// Pieces whose outcomes were not taken yet.
    var owed = 0
    var isEnding = false
  }

  let state = Mutex(State())
  /// Entered for each piece that is not done.
  let pending = DispatchGroup()
  private let news = DispatchSemaphore(value: 0)
  private let tell: @Sendable () -> Void

  init(tell: @escaping @Sendable () -> Void) { self.tell = tell }

  func add(_ work: @escaping @Sendable () -> Outcome) {
    pending.enter()
    let isFirst = state.withLock { state in
      state.owed += 1
      state.work.append(work)
      return state.work.count == 1
    }
    if isFirst { news.signal() }
  }

  func end() {
    state.withLock { $0.isEnding = true }
    news.signal()
  }

  func run() {
    while true {
      news.wait()
      while let piece = next() {
        // Whoever was told once takes all that there are by then.
        if finish(piece()) { tell() }
      }
      if state.withLock({ $0.isEnding }) { return }
    }
  }

  /// Does the next piece, if one waits, on the caller's thread.
  func help() {
    if let piece = next() { _ = finish(piece()) }
  }

  private func next() -> (@Sendable () -> Outcome)? {
    state.withLock { $0.work.isEmpty ? nil : $0.work.removeFirst() }
  }

  /// - Returns: whether its outcome is the only one.
  private func finish(_ outcome: Outcome) -> Bool {
    let isFirst = state.withLock { state in
      state.outcomes.append(outcome)
      return state.outcomes.count == 1
    }
    pending.leave()
    return isFirst
  }
}
