/// What a `tokenizer.json` says, checked, in this program's terms.
///
/// Read is the byte-level BPE family: GPT-2, StarCoder, SmolLM, and what our trainer writes.
/// Whatever would change the tokens and is not done here is refused by name. Not looked at:
/// `truncation` and `padding`, which are the caller's business, and `post_processor`, which only
/// adds special tokens around a text, which encoding here never does.
struct TokenizerFile {
  /// A token that is found in a text before anything else is.
  struct AddedToken: Sendable {
    let id: Int
    let content: String
  }

  private(set) var addedTokens: [AddedToken] = []
  private(set) var preTokenizers: [PreTokenizer] = []
  /// Text and id of each token, as in the file.
  private(set) var vocabulary: [(text: String, id: Int)] = []
  private(set) var merges: [(left: String, right: String)] = []
  /// Whether a piece that is a token as a whole stays one, whatever its merges say (Llama 3).
  private(set) var ignoresMerges = false

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
    try reader.beginObject()
    while let key = try reader.nextKey() {
      guard seen.insert(key).inserted else {
        throw TokenizerError.malformed(field: key, expected: "one such field")
      }
      switch key {
      case "added_tokens": try readAddedTokens(&reader)
      case "normalizer":
        if let component = try Component(&reader, field: key) {
          throw TokenizerError.unsupported(feature: "normalizer \(component.type)")
        }
      case "pre_tokenizer":
        guard let component = try Component(&reader, field: key) else {
          throw TokenizerError.unsupported(feature: "no pre_tokenizer (expected ByteLevel)")
        }
        try add(component)
      case "decoder":
        let component = try Component(&reader, field: key)
        guard component?.type == "ByteLevel" else {
          throw TokenizerError.unsupported(feature: "decoder \(component?.type ?? "null")")
        }
      case "model": try readModel(&reader)
      default: try reader.skipValue()
      }
    }
    try reader.end()
    for key in ["pre_tokenizer", "decoder", "model"] where !seen.contains(key) {
      throw TokenizerError.malformed(field: key, expected: "a value")
    }
    guard mapsBytes else {
      throw TokenizerError.unsupported(feature: "pre_tokenizer without ByteLevel")
    }
  }

  private mutating func readAddedTokens(_ reader: inout JSONReader) throws {
    try reader.beginArray()
    while try reader.nextElement() {
      let field = "added_tokens[\(addedTokens.count)]"
      var id: Int?
      var content = ""
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "id": id = try reader.integer()
        case "content": content = try reader.string()
        case "single_word", "lstrip", "rstrip":
          if try reader.bool() { throw TokenizerError.unsupported(feature: "\(field).\(key)") }
        default: try reader.skipValue()
        }
      }
      guard let id else { throw TokenizerError.malformed(field: "\(field).id", expected: "an id") }
      guard !content.isEmpty else {
        throw TokenizerError.malformed(field: "\(field).content", expected: "a text")
      }
      addedTokens.append(AddedToken(id: id, content: content))
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
      case "ignore_merges": ignoresMerges = try reader.bool()
      case "byte_fallback":
        if try reader.bool() { throw TokenizerError.unsupported(feature: "model.byte_fallback") }
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

  /// Whether a `ByteLevel` step was read, after which no step may look at characters.
  private var mapsBytes = false

  private mutating func add(_ component: Component) throws {
    guard component.type == "Sequence" || !mapsBytes else {
      throw TokenizerError.unsupported(feature: "pre_tokenizer \(component.type) after ByteLevel")
    }
    switch component.type {
    case "Sequence":
      for step in component.steps { try add(step) }
    case "ByteLevel":
      guard component.flags["add_prefix_space"] == false else {
        throw TokenizerError.unsupported(feature: "pre_tokenizer ByteLevel.add_prefix_space")
      }
      mapsBytes = true
      if component.flags["use_regex"] ?? true {
        try add(PreTokenizer.byteLevelExpression, .isolated, inverted: false)
      }
    case "Digits":
      let splitsEach = component.flags["individual_digits"] ?? false
      try add(#"\p{N}"#, splitsEach ? .isolated : .contiguous, inverted: false)
    case "Split":
      guard let expression = component.expression,
        let behavior = PreTokenizer.Behavior(rawValue: component.behavior)
      else {
        throw TokenizerError.malformed(
          field: "pre_tokenizer Split", expected: "a pattern and a known behavior")
      }
      try add(expression, behavior, inverted: component.flags["invert"] ?? false)
    default:
      throw TokenizerError.unsupported(feature: "pre_tokenizer \(component.type)")
    }
  }

  private mutating func add(
    _ expression: String, _ behavior: PreTokenizer.Behavior, inverted: Bool
  ) throws(TokenizerError) {
    let pattern = try Pattern(expression)
    preTokenizers.append(
      PreTokenizer(pattern: pattern, behavior: behavior, isInverted: inverted))
  }
}
