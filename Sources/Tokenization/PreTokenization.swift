/// The rule by which a tokenizer of our own cuts text; each is one that other programs know.
package enum PreTokenization: String, CaseIterable, Sendable {
  /// GPT-2's words, every digit by itself: numbers are copied digit by digit. SmolLM's rule.
  case digits
  /// GPT-2's words and numbers of any length.
  case gpt2
  /// Llama 3's: a word takes the sign before it, digits go in groups of up to three.
  case llama3

  private static let llama3Expression =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"#
    + #" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

  /// The `pre_tokenizer` of a `tokenizer.json`.
  var json: String {
    switch self {
    case .digits:
      #"{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},"#
        + Self.byteLevel(usesRegex: true) + "]}"
    case .gpt2: Self.byteLevel(usesRegex: true)
    case .llama3:
      #"{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"#
        + JSONText.quoted(Self.llama3Expression)
        + #"},"behavior":"Isolated","invert":false},"# + Self.byteLevel(usesRegex: false) + "]}"
    }
  }

  private static func byteLevel(usesRegex: Bool) -> String {
    #"{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":\#(usesRegex)}"#
  }

  /// The same rule as the steps that cut.
  func preTokenizers() throws(TokenizerError) -> [PreTokenizer] {
    switch self {
    case .digits:
      return [
        try .isolating(PreTokenizer.digitsExpression),
        try .isolating(PreTokenizer.byteLevelExpression),
      ]
    case .gpt2: return [try .isolating(PreTokenizer.byteLevelExpression)]
    case .llama3: return [try .isolating(Self.llama3Expression)]
    }
  }
}
