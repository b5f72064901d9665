import Tokenization

/// Which student token a text with another continuation gets at a place.
///
/// Only a window before the place is encoded. It begins at one of the text's tokens, and it counts
/// only when it gives the text's own tokens before the place and at it; else a longer one is tried,
/// and the whole text is always right.
struct ContextEncoder {
  private let tokenizer: Tokenizer
  private let text: [UInt8]
  private let tokens: [(id: Int32, bytes: Range<Int>)]
  private var place = 0
  private var windowStart = 0

  // Words of a text are this long at most, nearly always.
  private static let windowBytes = [32, 128, 1024]
  /// How far before the place a window must give the text's own tokens.
  private static let checkedBytes = 16
  /// How far behind the place it is looked at for that: enough to end a word.
  private static let lookaheadBytes = 32

  /// - Parameter tokens: the tokens of `text` and where they lie in it.
  init(tokenizer: Tokenizer, text: [UInt8], tokens: [(id: Int32, bytes: Range<Int>)]) {
    self.tokenizer = tokenizer
    self.text = text
    self.tokens = tokens
  }

  /// Prepares for questions about the place where token `index` begins.
  mutating func move(to index: Int) {
    place = tokens[index].bytes.lowerBound
    windowStart =
      Self.windowBytes.lazy.compactMap { [self] bytes in window(of: bytes, before: index) }.first
      ?? 0
  }

  /// The token that begins at the place when `continuation` follows; nil when a token before it
  /// reaches into the continuation, or when that is no text.
  func token(before continuation: some Collection<UInt8>) -> Int32? {
    var bytes = Array(text[windowStart..<place])
    bytes.append(contentsOf: continuation)
    // A candidate may end within a character, and the rest of it may never come.
    let at = place - windowStart
    var text = String(validating: bytes, as: UTF8.self)
    while text == nil, bytes.count > at {
      bytes.removeLast()
      text = String(validating: bytes, as: UTF8.self)
    }
    guard bytes.count > at, let string = text else { return nil }
    return tokenizer.encodeWithOffsets(string).first {
      $0.bytes.lowerBound == at && !$0.bytes.isEmpty
    }?.id
  }

  /// Where a window of at least so many bytes can begin; nil when it cannot be relied on.
  private func window(of count: Int, before index: Int) -> Int? {
    let first = tokens[..<index].last {
      place - $0.bytes.lowerBound >= count && text[$0.bytes.lowerBound] & 0xC0 != 0x80
    }
    // Nothing is left out: the whole text is the window.
    guard let start = first?.bytes.lowerBound, start > 0 else { return 0 }
    var end = min(text.count, tokens[index].bytes.upperBound + Self.lookaheadBytes)
    while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
    guard let string = String(validating: text[start..<end], as: UTF8.self) else { return nil }
    let near = place - Self.checkedBytes...place
    // A token has a byte or more, so that these are all that can begin there.
    let expected = tokens[max(0, index - Self.checkedBytes)...index].filter {
      near ~= $0.bytes.lowerBound
    }
    let seen = tokenizer.encodeWithOffsets(string).map {
      (id: $0.id, start: $0.bytes.lowerBound + start)
    }.filter { near ~= $0.start }
    let isSame =
      expected.count == seen.count
      && zip(expected, seen).allSatisfy { $0.bytes.lowerBound == $1.start && $0.id == $1.id }
    return isSame ? start : nil
  }
}
