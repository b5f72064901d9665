internal import Checkpoints
internal import Tokenization

/// A byte-level BPE tokenizer as the metadata of a GGUF file.
///
/// llama.cpp knows rules of pre-tokenization by name only; a rule without one is refused, because
/// another would cut text differently.
struct GGUFTokenizerMetadata {
  /// What a token is to llama.cpp; the raw values are the file's.
  enum Kind: Int32 {
    case normal = 1
    /// Never part of ordinary text.
    case control = 3
    /// Added by hand, found before anything else.
    case userDefined = 4
    /// Fills a gap between ids.
    case unused = 5
  }

  private(set) var tokens: [String] = []
  private(set) var kinds: [Kind] = []
  private var merges: [String] = []
  private var rule = ""
  private let endOfText: Int32?

  /// What the file says of the tokenizer of a model of `size` token ids.
  init(_ tokenizer: Tokenizer, size: Int) throws(FormatError) {
    endOfText = tokenizer.endOfText
    var file = TokenizerJSON()
    do throws(JSONSyntaxError) {
      var reader = JSONReader(Array(tokenizer.json))
      try file.read(&reader)
    } catch {
      throw Self.refused("this tokenizer.json (byte \(error.byte): expected \(error.expected))")
    }
    guard file.modelType == "BPE", !file.hasByteFallback else {
      throw Self.refused("a tokenizer that is no byte-level BPE")
    }
    guard let rule = file.ruleName else {
      throw Self.refused(
        "the tokenizer's way to cut text: llama.cpp has no name for its pre_tokenizer")
    }
    self.rule = rule
    merges = file.merges
    tokens = (0..<size).map { "[PAD\($0)]" }
    kinds = Array(repeating: .unused, count: size)
    for (text, id) in file.vocabulary { try set(id, text, .normal) }
    for token in file.addedTokens {
      try set(token.id, token.content, token.isSpecial ? .control : .userDefined)
    }
  }

  private mutating func set(_ id: Int, _ text: String, _ kind: Kind) throws(FormatError) {
    guard tokens.indices.contains(id) else {
      throw Self.refused("token id \(id) in a model of \(tokens.count) ids")
    }
    tokens[id] = text
    kinds[id] = kind
  }

  private static func refused(_ feature: String) -> FormatError {
    .notRepresentable(format: "GGUF", feature: feature)
  }

  /// The keys that llama.cpp reads.
  var metadata: [(key: String, value: GGUFWriter.Value)] {
    var pairs: [(key: String, value: GGUFWriter.Value)] = [
      ("tokenizer.ggml.model", .string("gpt2")), ("tokenizer.ggml.pre", .string(rule)),
      ("tokenizer.ggml.tokens", .strings(tokens)),
      ("tokenizer.ggml.token_type", .int32s(kinds.map(\.rawValue))),
      ("tokenizer.ggml.merges", .strings(merges)),
      // Training puts nothing before a text.
      ("tokenizer.ggml.add_bos_token", .bool(false)),
    ]
    if let end = endOfText {
      // Without these llama.cpp takes token 11 for both.
      pairs.append(("tokenizer.ggml.bos_token_id", .uint32(UInt32(end))))
      pairs.append(("tokenizer.ggml.eos_token_id", .uint32(UInt32(end))))
    }
    return pairs
  }
}

/// What of a `tokenizer.json` goes into a GGUF file.
private struct TokenizerJSON {
  var modelType = "BPE"
  var hasByteFallback = false
  var ignoresMerges = false
  var vocabulary: [(text: String, id: Int)] = []
  var merges: [String] = []
  var addedTokens: [(id: Int, content: String, isSpecial: Bool)] = []
  /// What the pre-tokenizer cuts by, one expression after the other; nil when it does something else.
  var expressions: [String]? = []

  /// What `ByteLevel` with `use_regex` stands for.
  private static let gpt2 =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// The family of Llama 3 and Qwen 2, who differ in how many digits go together.
  private static func words(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// llama.cpp's name for the pre-tokenizer.
  var ruleName: String? {
    switch expressions {
    // One rule with two names; under the first, pieces that are tokens are left whole.
    case [Self.words(digits: #"\p{N}{1,3}"#)]: ignoresMerges ? "llama-bpe" : "smaug-bpe"
    case [Self.words(digits: #"\p{N}"#)] where !ignoresMerges: "qwen2"
    case [Self.gpt2] where !ignoresMerges: "gpt-2"
    case [#"\p{N}"#, Self.gpt2] where !ignoresMerges: "smollm"
    default: nil
    }
  }

  mutating func read(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "added_tokens": try readAddedTokens(&reader)
      case "pre_tokenizer": try readStep(&reader)
      case "model": try readModel(&reader)
      default: try reader.skipValue()
      }
    }
    try reader.end()
  }

  private mutating func readAddedTokens(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    try reader.beginArray()
    while try reader.nextElement() {
      var token = (id: -1, content: "", isSpecial: false)
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "id": token.id = try reader.integer()
        case "content": token.content = try reader.string()
        case "special": token.isSpecial = try reader.bool()
        default: try reader.skipValue()
        }
      }
      addedTokens.append(token)
    }
  }

  private mutating func readStep(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    guard try reader.peek() == .object else { return try reader.skipValue() }
    var (type, behavior) = ("", "")
    var expression: String?
    var flags: [String: Bool] = [:]
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch (key, try reader.peek()) {
      case ("type", .string): type = try reader.string()
      case ("behavior", .string): behavior = try reader.string()
      case ("pattern", .object):
        try reader.beginObject()
        while let kind = try reader.nextKey() {
          if kind == "Regex" { expression = try reader.string() } else { try reader.skipValue() }
        }
      case ("pretokenizers", .array):
        try reader.beginArray()
        while try reader.nextElement() { try readStep(&reader) }
      case (_, .bool): flags[key] = try reader.bool()
      default: try reader.skipValue()
      }
    }
    switch type {
    case "Sequence": break
    case "ByteLevel" where flags["add_prefix_space"] == false:
      if flags["use_regex"] ?? true { expressions?.append(Self.gpt2) }
    case "Digits" where flags["individual_digits"] == true: expressions?.append(#"\p{N}"#)
    case "Split" where behavior == "Isolated" && flags["invert"] != true:
      if let expression { expressions?.append(expression) } else { expressions = nil }
    default: expressions = nil
    }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch (key, try reader.peek()) {
      case ("type", .string): modelType = try reader.string()
      case ("byte_fallback", .bool): hasByteFallback = try reader.bool()
      case ("ignore_merges", .bool): ignoresMerges = try reader.bool()
      case ("vocab", .object):
        try reader.beginObject()
        while let text = try reader.nextKey() { vocabulary.append((text, try reader.integer())) }
      case ("merges", .array):
        try reader.beginArray()
        while try reader.nextElement() { merges.append(try merge(&reader)) }
      default: try reader.skipValue()
      }
    }
  }

  private func merge(_ reader: inout JSONReader) throws(JSONSyntaxError) -> String {
    if try reader.peek() == .string { return try reader.string() }
    var parts: [String] = []
    try reader.beginArray()
    while try reader.nextElement() { parts.append(try reader.string()) }
    return parts.joined(separator: " ")
  }
}
