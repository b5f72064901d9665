internal import JobAPI
internal import Synchronization

/// Counts answers by operation and status.
final class Traffic: Sendable {
  /// What is counted apart.
  struct Label: Hashable, Sendable {
    let operation: APIOperation
    let status: Int
  }

  private let counts = Mutex<[Label: Int64]>([:])

  /// One more answer.
  func count(_ operation: APIOperation, status: Int) {
    counts.withLock { $0[Label(operation: operation, status: status), default: 0] += 1 }
  }

  /// All counts so far.
  var totals: [Label: Int64] { counts.withLock { $0 } }
}
