/// One step that cuts text into the pieces that tokens are merged within.
///
/// Steps run one after the other, each on every piece of the one before as if it stood alone, as
/// in Hugging Face's `Sequence`.
enum PreTokenizer: Sendable {
  case split(Splitter)
  /// Puts a space before each piece that begins with none.
  case prefixSpace
  /// Turns spaces into a mark, puts one more before a piece, and cuts before each, if asked.
  case metaspace(mark: [UInt8], prefix: MetaspacePrefix, splits: Splitter?)

  /// Which pieces get a mark in front that they do not begin with.
  enum MetaspacePrefix: String, Sendable {
    case always, first, never
  }

  /// GPT-2's expression, which `ByteLevel` with `use_regex` stands for.
  static let byteLevelExpression =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The numbers that `Digits` cuts at.
  static let digitsExpression = #"[\p{N}"# + LaterUnicode.furtherDigits + "]"

  /// A step that makes a piece of each match of `expression`.
  static func isolating(_ expression: String) throws(TokenizerError) -> PreTokenizer {
    .split(try Splitter(expression, .isolated, isInverted: false))
  }

  /// A piece after a step that changes text.
  func rewritten(_ piece: Range<Int>, of text: EncodingText, into result: inout AlignedText) {
    let bytes = text.bytes[piece]
    guard let first = bytes.first else { return }
    let start = text.original(piece.lowerBound..<piece.lowerBound + 1).lowerBound
    switch self {
    case .split: result.append(text, piece)
    case .prefixSpace:
      if first != UInt8(ascii: " ") { result.append([UInt8(ascii: " ")], for: start..<start) }
      result.append(text, piece)
    case .metaspace(let mark, let prefix, _):
      let hasMark = first == UInt8(ascii: " ") || bytes.starts(with: mark)
      if !hasMark, prefix == .always || (prefix == .first && start == 0) {
        result.append(mark, for: start..<start)
      }
      var end = piece.lowerBound
      for place in piece where text.bytes[place] == UInt8(ascii: " ") {
        result.append(text, end..<place)
        result.append(mark, for: text.original(place..<place + 1))
        end = place + 1
      }
      result.append(text, end..<piece.upperBound)
    }
  }
}
