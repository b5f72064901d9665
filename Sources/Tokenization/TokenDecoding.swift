/// How a tokenizer's tokens become text again.
enum TokenDecoding: Sendable {
  /// Tokens are written in the byte alphabet, and joined as bytes.
  case byteLevel
  /// Tokens are text, changed token by token and joined.
  case text(TextRules)

  struct TextRules: Sendable {
    /// Replaced in each token, in order.
    var replacements: [(old: [UInt8], new: [UInt8])] = []
    /// Whether `<0x0A>` is the byte 0x0A.
    var hasByteTokens = false
    /// Taken away once from the start of the whole text.
    var stripped: (character: [UInt8], count: Int) = ([], 0)
    /// Left out wherever it is in the first token.
    var firstTokenMark: [UInt8] = []
  }

  /// The bytes that a token's text stands for, not yet looked at as the first.
  func bytes(of token: String) -> [UInt8] {
    switch self {
    case .byteLevel: return ByteAlphabet.decode(token)
    case .text(let rules):
      var bytes = Array(token.utf8)
      for rule in rules.replacements { bytes = Self.replaced(rule.old, rule.new, in: bytes) }
      if rules.hasByteTokens, let byte = Self.byte(of: bytes) { return [byte] }
      return bytes
    }
  }

  /// Whether the token stands for a single byte of a character.
  func isByte(_ token: String) -> Bool {
    guard case .text(let rules) = self, rules.hasByteTokens else { return false }
    return Self.byte(of: Array(token.utf8)) != nil
  }

  /// The byte that `<0x0A>` names; nil for any other text.
  static func byte(of token: [UInt8]) -> UInt8? {
    guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else {
      return nil
    }
    return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
  }

  private static func replaced(_ old: [UInt8], _ new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
    guard !old.isEmpty else { return bytes }
    var result: [UInt8] = []
    var place = 0
    while place < bytes.count {
      if bytes[place...].starts(with: old) {
        result += new
        place += old.count
      } else {
        result.append(bytes[place])
        place += 1
      }
    }
    return result
  }

  /// How many bytes at the start of a text's first token do not belong to the text.
  func leadingBytes(of bytes: ArraySlice<UInt8>) -> Int {
    guard case .text(let rules) = self, rules.stripped.count > 0 else { return 0 }
    let mark = rules.stripped.character
    var (count, length) = (0, 0)
    while count < rules.stripped.count, bytes.dropFirst(length).starts(with: mark) {
      count += 1
      length += mark.count
    }
    return length
  }
}
