/// Sequences of token ids, padded at the right to one length.
package struct TokenBatch: Equatable, Sendable {
  /// B.
  package let sequences: Int
  /// T, the padded length.
  package let length: Int
  /// `[B, T]`. Padding may be any token id of the vocabulary.
  package let tokens: [Int32]
  /// `[B]`, how many tokens of each sequence are real: 1 ... T.
  package let lengths: [Int32]

  /// - Parameters: as the properties; the arrays' sizes must agree.
  package init(sequences: Int, length: Int, tokens: [Int32], lengths: [Int32]) {
    precondition(
      sequences > 0 && length > 0 && tokens.count == sequences * length,
      "tokens must be [\(sequences), \(length)]")
    precondition(
      lengths.count == sequences && lengths.allSatisfy { $0 > 0 && $0 <= length },
      "every sequence must have 1 ... \(length) tokens")
    self.sequences = sequences
    self.length = length
    self.tokens = tokens
    self.lengths = lengths
  }

  /// Sequences of any lengths above 0, padded with token 0 to the longest, or to `length`.
  package init(_ texts: [[Int32]], length: Int? = nil) {
    let longest = length ?? texts.map(\.count).max() ?? 0
    self.init(
      sequences: texts.count, length: longest,
      tokens: texts.flatMap { $0 + Array(repeating: 0, count: longest - $0.count) },
      lengths: texts.map { Int32($0.count) })
  }
}
