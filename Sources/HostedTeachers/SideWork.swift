internal import Dispatch
internal import Synchronization

/// A thread beside the collecting one: it does what it is given, in that order, and keeps the
/// outcomes until they are taken.
final class SideWork<Outcome: Sendable>: Sendable {
  private struct State {
    /// Pieces whose outcomes were not taken yet.
    var owed = 0
    var outcomes: [Outcome] = []
  }

  private let state = Mutex(State())
  private let queue: DispatchQueue
  private let tell: @Sendable () -> Void

  /// - Parameter tell: called on that thread when there are outcomes again.
  init(_ name: String, tell: @escaping @Sendable () -> Void) {
    queue = DispatchQueue(label: name)
    self.tell = tell
  }

  /// Pieces whose outcomes were not taken yet.
  var owed: Int { state.withLock { $0.owed } }

  /// Whether an outcome waits to be taken.
  var hasOutcome: Bool { state.withLock { !$0.outcomes.isEmpty } }

  func start(_ work: @escaping @Sendable () -> Outcome) {
    state.withLock { $0.owed += 1 }
    queue.async { [self] in
      let outcome = work()
      let isFirst = state.withLock { state in
        state.outcomes.append(outcome)
        return state.outcomes.count == 1
      }
      // Whoever was told once takes all that there are by then.
      if isFirst { tell() }
    }
  }

  /// What is done by now.
  func take() -> [Outcome] {
    state.withLock { state in
      let outcomes = state.outcomes
      state.outcomes = []
      state.owed -= outcomes.count
      return outcomes
    }
  }

  /// Waits until everything is done.
  func takeAll() -> [Outcome] {
    queue.sync {}
    return take()
  }
}
