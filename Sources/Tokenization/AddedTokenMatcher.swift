/// Finds added tokens in a text: the leftmost, and there the longest, as Hugging Face does.
struct AddedTokenMatcher: Sendable {
  /// An added token as it is looked for.
  private struct Entry: Sendable {
    let id: Int32
    let isSingleWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A tree of bytes: node 0 is its root, `children` gives the next node for node × 256 + byte.
  private var children: [Int: Int] = [:]
  private var entries: [Entry?] = [nil]
  /// Whether a token begins with this byte.
  private var begins = [Bool](repeating: false, count: 256)
  private let wordEnd: Pattern?
  private let wordStart: Pattern?

  /// - Parameter tokens: each with the bytes to look for, which are not empty.
  init(_ tokens: [(token: TokenizerFile.AddedToken, bytes: [UInt8])]) throws(TokenizerError) {
    let word = OnigurumaExpression.rustWord
    let hasSingleWords = tokens.contains { $0.token.isSingleWord }
    wordEnd = hasSingleWords ? try Pattern("[\(word)]\\z") : nil
    wordStart = hasSingleWords ? try Pattern("\\A[\(word)]") : nil
    for (token, bytes) in tokens {
      var node = 0
      for byte in bytes {
        let key = node << 8 | Int(byte)
        if let next = children[key] {
          node = next
        } else {
          children[key] = entries.count
          node = entries.count
          entries.append(nil)
        }
      }
      begins[Int(bytes[0])] = true
      entries[node] = Entry(
        id: Int32(token.id), isSingleWord: token.isSingleWord, stripsLeft: token.stripsLeft,
        stripsRight: token.stripsRight)
    }
  }

  var isEmpty: Bool { children.isEmpty }

  /// Calls `body` with each added token, and with each stretch of text between them, in order.
  func forEachPart(
    of text: UnsafeBufferPointer<UInt8>, _ body: (Range<Int>, _ addedToken: Int32?) -> Void
  ) {
    var end = 0
    var from = 0
    while !isEmpty, let (range, entry) = first(in: text, from: from) {
      from = range.upperBound
      if entry.isSingleWord, !standsAlone(range, in: text) { continue }
      var (start, stop) = (range.lowerBound, range.upperBound)
      if entry.stripsLeft { start = max(Self.spacesStart(in: text, before: start), end) }
      if entry.stripsRight { stop = Self.spacesEnd(in: text, after: stop) }
      if end < start { body(end..<start, nil) }
      body(min(start, stop)..<stop, entry.id)
      end = stop
    }
    if end < text.count { body(end..<text.count, nil) }
  }

  /// The first added token at or after `from`; nil if none follows.
  private func first(
    in text: UnsafeBufferPointer<UInt8>, from: Int
  ) -> (range: Range<Int>, entry: Entry)? {
    begins.withUnsafeBufferPointer { begins in
      var start = from
      while start < text.count {
        if begins[Int(text[start])], let match = longest(in: text, at: start) { return match }
        start += 1
      }
      return nil
    }
  }

  private func longest(
    in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> (range: Range<Int>, entry: Entry)? {
    var node = 0
    var best: (range: Range<Int>, entry: Entry)?
    var place = start
    while place < text.count, let next = children[node << 8 | Int(text[place])] {
      node = next
      place += 1
      if let entry = entries[node] { best = (start..<place, entry) }
    }
    return best
  }

  private func standsAlone(_ range: Range<Int>, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    let before = UnsafeBufferPointer(rebasing: text[..<range.lowerBound])
    let after = UnsafeBufferPointer(rebasing: text[range.upperBound...])
    let scratch = Pattern.Scratch()
    return !(wordEnd?.matches(before, scratch) ?? false)
      && !(wordStart?.matches(after, scratch) ?? false)
  }

  /// Where the white space before `place` begins.
  private static func spacesStart(in text: UnsafeBufferPointer<UInt8>, before place: Int) -> Int {
    var start = place
    while start > 0 {
      var previous = start - 1
      while previous > 0, text[previous] & 0xC0 == 0x80 { previous -= 1 }
      guard UTF8Text.scalar(in: text, at: previous).scalar.properties.isWhitespace else { break }
      start = previous
    }
    return start
  }

  /// Where the white space after `place` ends.
  private static func spacesEnd(in text: UnsafeBufferPointer<UInt8>, after place: Int) -> Int {
    var end = place
    while end < text.count {
      let (scalar, length) = UTF8Text.scalar(in: text, at: end)
      guard scalar.properties.isWhitespace else { break }
      end += length
    }
    return end
  }
}
