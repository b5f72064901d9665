extension Tokenizer {
  /// The token ids of each document, the documents shared out among `threads`.
  ///
  /// - Parameter threads: 1 or more; the result does not depend on it.
  package func encode(_ documents: [String], threads: Int) -> [[Int32]] {
    concurrentMap(documents.count, threads: threads) { encode(documents[$0]) }
  }
}
