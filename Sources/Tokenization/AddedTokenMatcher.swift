/// Finds added tokens in a text: the leftmost, and there the longest.
struct AddedTokenMatcher: Sendable {
  /// For each first byte, the tokens that begin with it, longest first.
  private var candidates = [[(content: [UInt8], id: Int32)]](repeating: [], count: 256)

  init(_ tokens: [TokenizerFile.AddedToken]) {
    for token in tokens {
      let content = Array(token.content.utf8)
      candidates[Int(content[0])].append((content: content, id: Int32(token.id)))
    }
    for index in candidates.indices {
      candidates[index].sort { $0.content.count > $1.content.count }
    }
  }

  /// Calls `body` with each added token, and with each stretch of text between them, in order.
  func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>, _ addedToken: Int32?) -> Void
  ) {
    var start = 0
    while let match = first(in: text, from: start) {
      if start < match.range.lowerBound { body(start..<match.range.lowerBound, nil) }
      body(match.range, match.id)
      start = match.range.upperBound
    }
    if start < text.count { body(start..<text.count, nil) }
  }

  /// The first added token at or after `from`; nil if none follows.
  private func first(
    in text: UnsafeBufferPointer<UInt8>, from: Int
  ) -> (range: Range<Int>, id: Int32)? {
    for start in from..<text.count {
      for token in candidates[Int(text[start])] {
        let end = start + token.content.count
        if end <= text.count, text[start..<end].elementsEqual(token.content) {
          return (start..<end, token.id)
        }
      }
    }
    return nil
  }
}
