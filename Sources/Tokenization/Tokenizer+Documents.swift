internal import Dispatch
internal import Synchronization

extension Tokenizer {
  /// The token ids of each document, the documents shared out among `threads`.
  ///
  /// Each thread takes the next document that nobody has, so that a long one delays no other.
  ///
  /// - Parameter threads: 1 or more; the result does not depend on it.
  package func encode(_ documents: [String], threads: Int) -> [[Int32]] {
    precondition(threads > 0, "threads must be 1 or more")
    guard threads > 1, documents.count > 1 else { return documents.map { encode($0) } }
    var results = [[Int32]](repeating: [], count: documents.count)
    let next = Atomic(0)
    results.withUnsafeMutableBufferPointer { results in
      // Sound because each element is written by the one thread that took its number.
      nonisolated(unsafe) let results = results
      DispatchQueue.concurrentPerform(iterations: min(threads, documents.count)) { _ in
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < documents.count else { return }
          results[index] = encode(documents[index])
        }
      }
    }
    return results
  }
}
