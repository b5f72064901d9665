extension Tokenizer {
  /// The token ids of a text that goes on after another, such as an answer after its prompt.
  ///
  /// Some tokenizers put a blank before every text (SentencePiece's, as Llama 2 has). That belongs to
  /// a text's beginning: behind something else the same text is encoded without it.
  ///
  /// - Parameter context: what stands before; its last characters are enough.
  package func encodeContinuation(_ text: String, after context: String = "\n") -> [Int32] {
    let before = encode(context)
    let both = encode(context + text)
    // Where the two share a token, there is no telling them apart.
    return both.starts(with: before) ? Array(both.dropFirst(before.count)) : encode(text)
  }
}
