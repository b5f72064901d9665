internal import Synchronization

/// Counts calls: 0, 1, 2, …
package final class Counter: Sendable {
  private let count = Atomic<Int>(0)

  /// None yet.
  package init() {}

  package func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
