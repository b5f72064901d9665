/// What a `tokenizer.json` says, checked, in this program's terms.
///
/// Read are BPE models: byte-level as of GPT-2, Llama 3, Qwen and DeepSeek, and SentencePiece's with
/// byte fallback as of Llama 2, TinyLlama, Phi-3 and Gemma. Whatever would change the tokens and is
/// not done here is refused by name. Not looked at: `truncation` and `padding`, which are the
/// caller's business.
struct TokenizerFile {
  /// A token that is found in a text before anything else is.
  struct AddedToken: Sendable {
    fileprivate(set) var id: Int
    let content: String
    /// One that marks up a text and is no part of it.
    var isSpecial = true
    /// Not found inside a word.
    var isSingleWord = false
    /// Takes the white space before it, or after it, with it.
    var stripsLeft = false
    var stripsRight = false
    /// Looked for in the text after the normalizer, in its own normalized form.
    var isNormalized = false
  }

  private(set) var addedTokens: [AddedToken] = []
  private(set) var normalizers: [Normalizer] = []
  private(set) var preTokenizers: [PreTokenizer] = []
  private(set) var decoding = TokenDecoding.byteLevel
  /// Tokens that the model expects around a text.
  private(set) var frame = TokenFrame()
  /// Text and id of each token, as in the file.
  private(set) var vocabulary: [(text: String, id: Int)] = []
  private(set) var merges: [(left: String, right: String)] = []
  /// Whether a piece that is a token as a whole stays one, whatever its merges say (Llama 3).
  private(set) var ignoresMerges = false
  private(set) var hasByteFallback = false
  private(set) var fusesUnknown = false
  private(set) var unknownToken: String?
  /// Whether a `ByteLevel` step maps text to bytes.
  private(set) var mapsBytes = false

  init(_ json: [UInt8]) throws(TokenizerError) {
    var reader = JSONReader(json)
    do {
      try read(&reader)
    } catch let error as TokenizerError {
      throw error
    } catch let error as JSONSyntaxError {
      throw .notJSON(byte: error.byte, expected: error.expected)
    } catch {
      throw .malformed(field: "", expected: "\(error)")
    }
  }

  private mutating func read(_ reader: inout JSONReader) throws {
    var seen: Set<String> = []
    var decoder = TemplateValue.null
    try reader.beginObject()
    while let key = try reader.nextKey() {
      guard seen.insert(key).inserted else {
        throw TokenizerError.malformed(field: key, expected: "one such field")
      }
      switch key {
      case "added_tokens": try readAddedTokens(&reader)
      case "normalizer":
        normalizers = try TokenizerComponent.normalizers(try TemplateValue(&reader))
      case "pre_tokenizer":
        (preTokenizers, mapsBytes) = try TokenizerComponent.preTokenizers(
          try TemplateValue(&reader))
      case "post_processor":
        frame = try TokenizerComponent.frame(try TemplateValue(&reader))
      case "decoder": decoder = try TemplateValue(&reader)
      case "model": try readModel(&reader)
      default: try reader.skipValue()
      }
    }
    try reader.end()
    for key in ["decoder", "model"] where !seen.contains(key) {
      throw TokenizerError.malformed(field: key, expected: "a value")
    }
    numberAddedTokens()
    decoding = try TokenizerComponent.decoding(decoder)
    if case .byteLevel = decoding, mapsBytes { return }
    if case .text = decoding, !mapsBytes { return }
    throw TokenizerError.unsupported(
      feature: mapsBytes ? "a decoder other than ByteLevel" : "pre_tokenizer without ByteLevel")
  }

  private mutating func readAddedTokens(_ reader: inout JSONReader) throws {
    try reader.beginArray()
    while try reader.nextElement() {
      let field = "added_tokens[\(addedTokens.count)]"
      var id: Int?
      var content = ""
      var flags: [String: Bool] = [:]
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "id": id = try reader.integer()
        case "content": content = try reader.string()
        case "single_word", "lstrip", "rstrip", "normalized", "special":
          flags[key] = try reader.bool()
        default: try reader.skipValue()
        }
      }
      guard let id else { throw TokenizerError.malformed(field: "\(field).id", expected: "an id") }
      guard !content.isEmpty else {
        throw TokenizerError.malformed(field: "\(field).content", expected: "a text")
      }
      let isSpecial = flags["special"] ?? false
      addedTokens.append(
        AddedToken(
          id: id, content: content, isSpecial: isSpecial,
          isSingleWord: flags["single_word"] ?? false, stripsLeft: flags["lstrip"] ?? false,
          stripsRight: flags["rstrip"] ?? false, isNormalized: flags["normalized"] ?? !isSpecial))
    }
  }

  /// Numbers the added tokens that are not in the vocabulary as Hugging Face's library does, which goes
  /// on after the vocabulary in the file's order, whatever ids the file gives.
  private mutating func numberAddedTokens() {
    let contents = Set(addedTokens.map(\.content))
    var ids = Dictionary(
      vocabulary.filter { contents.contains($0.text) }.map { ($0.text, $0.id) },
      uniquingKeysWith: { $1 })
    var next = vocabulary.count
    for index in addedTokens.indices {
      let content = addedTokens[index].content
      if let own = ids[content] {
        next = max(next, own + 1)
      } else {
        addedTokens[index].id = next
        ids[content] = next
        next += 1
      }
    }
  }

  private mutating func readModel(_ reader: inout JSONReader) throws {
    var type = ""
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "type": type = try reader.string()
      case "vocab":
        // An array here is a unigram model's list of scores.
        guard try reader.peek() == .object else {
          throw TokenizerError.malformed(field: "model.vocab", expected: "an object of token ids")
        }
        try reader.beginObject()
        while let text = try reader.nextKey() {
          vocabulary.append((text: text, id: try reader.integer()))
        }
      case "merges": try readMerges(&reader)
      case "ignore_merges": ignoresMerges = try flag(&reader)
      case "byte_fallback": hasByteFallback = try flag(&reader)
      case "fuse_unk": fusesUnknown = try flag(&reader)
      case "unk_token": unknownToken = try reader.null() ? nil : try reader.string()
      case "dropout", "continuing_subword_prefix", "end_of_word_suffix":
        try refuseUnlessEmpty("model.\(key)", &reader)
      default: try reader.skipValue()
      }
    }
    // Files before 2021 leave the type out; merges tell BPE from the others.
    guard type == "BPE" || (type.isEmpty && !merges.isEmpty) else {
      throw TokenizerError.unsupported(feature: "model \(type.isEmpty ? "without a type" : type)")
    }
  }

  private func flag(_ reader: inout JSONReader) throws -> Bool {
    try reader.null() ? false : try reader.bool()
  }

  private mutating func readMerges(_ reader: inout JSONReader) throws {
    try reader.beginArray()
    while try reader.nextElement() {
      if try reader.peek() == .string {
        let parts = try reader.string().split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 else { throw malformedMerge() }
        merges.append((left: String(parts[0]), right: String(parts[1])))
      } else {
        var parts: [String] = []
        try reader.beginArray()
        while try reader.nextElement() { parts.append(try reader.string()) }
        guard parts.count == 2 else { throw malformedMerge() }
        merges.append((left: parts[0], right: parts[1]))
      }
    }
  }

  private func malformedMerge() -> TokenizerError {
    .malformed(field: "model.merges[\(merges.count)]", expected: "two tokens")
  }

  private func refuseUnlessEmpty(_ field: String, _ reader: inout JSONReader) throws {
    switch try reader.peek() {
    case .null: _ = try reader.null()
    case .string:
      guard try reader.string().isEmpty else { throw TokenizerError.unsupported(feature: field) }
    case .number:
      guard Double(try reader.number()) == 0 else {
        throw TokenizerError.unsupported(feature: field)
      }
    case .object, .array, .bool:
      throw TokenizerError.malformed(field: field, expected: "null, a text or a number")
    }
  }
}

/// The tokens that a model expects before and after a text.
struct TokenFrame: Sendable {
  var before: [Int32] = []
  var after: [Int32] = []
}
