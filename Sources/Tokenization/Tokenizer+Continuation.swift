extension Tokenizer {
  /// The token ids of a text that goes on after another, such as an answer after its prompt.
  ///
  /// Some tokenizers put a blank before every text (SentencePiece's, as Llama 2 has). That belongs to
  /// a text's beginning: behind a line break the same text is encoded without it.
  package func encodeContinuation(_ text: String) -> [Int32] {
    let before = encode("\n")
    let both = encode("\n" + text)
    // Where the line break and the text share a token, there is no telling them apart.
    return both.starts(with: before) ? Array(both.dropFirst(before.count)) : encode(text)
  }
}
