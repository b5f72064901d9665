internal import Dispatch
internal import Synchronization

/// What `body` makes of each of 0 ..< `count`, shared out among `threads`; the result does not depend
/// on them. Each thread takes the next number that nobody has, so that a long one delays no other.
///
/// - Parameter threads: 1 or more.
package func concurrentMap<Value: Sendable>(
  _ count: Int, threads: Int, _ body: @Sendable (Int) -> Value
) -> [Value] {
  precondition(threads > 0, "threads must be 1 or more")
  guard threads > 1, count > 1 else { return (0..<count).map(body) }
  var results = [Value?](repeating: nil, count: count)
  let next = Atomic(0)
  results.withUnsafeMutableBufferPointer { results in
    // Sound because each element is written by the one thread that took its number.
    nonisolated(unsafe) let results = results
    DispatchQueue.concurrentPerform(iterations: min(threads, count)) { _ in
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        results[index] = body(index)
      }
    }
  }
  return results.compactMap(\.self)
}
