package import Tokenization

/// A prompt as tokens, cut where it is too long.
package struct FittedPrompt: Equatable, Sendable {
  package let tokens: [Int32]
  /// Whether something was left out.
  package let isCut: Bool

  /// Encodes a prompt, and leaves out as much of `cuttable`'s end as must be for it to fit; the
  /// beginning of a long text says most, and what surrounds it (the question) is kept whole.
  ///
  /// - Parameters:
  ///   - cuttable: bytes of `text` between two characters; may be empty.
  ///   - limit: tokens at most.
  /// - Returns: nothing left to cut, and too long: the tokens are then more than `limit`.
  package init(_ text: String, cuttable: Range<Int>, tokenizer: Tokenizer, limit: Int) {
    var tokens = tokenizer.encode(text)
    guard tokens.count > limit, !cuttable.isEmpty else {
      self.tokens = tokens
      isCut = false
      return
    }
    let bytes = Array(text.utf8)
    let before = bytes[..<cuttable.lowerBound]
    let after = bytes[cuttable.upperBound...]
    var kept = bytes[cuttable]
    while tokens.count > limit, !kept.isEmpty {
      // At most the share that its tokens can have, so that never much too much is cut.
      let over = tokens.count - limit
      kept.removeLast(min(kept.count, max(1, over * kept.count / tokens.count)))
      // Not within a character.
      while let end = kept.indices.last, bytes[end + 1] & 0xC0 == 0x80 { kept.removeLast() }
      tokens = tokenizer.encode(String(decoding: before + kept + after, as: UTF8.self))
    }
    self.tokens = tokens
    isCut = true
  }
}
