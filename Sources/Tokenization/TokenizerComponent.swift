/// The steps of a `tokenizer.json`: an object with a `type`, or a `Sequence` of such.
struct TokenizerComponent {
  private let value: TemplateValue
  private let field: String
  let type: String

  private init(_ value: TemplateValue, field: String) throws(TokenizerError) {
    guard let type = value["type"]?.text, !type.isEmpty else {
      throw .malformed(field: field, expected: "a type")
    }
    self.value = value
    self.field = "\(field) \(type)"
    self.type = type
  }

  /// The steps of `value`, those of sequences in their place; none for null.
  private static func steps(
    _ value: TemplateValue, field: String, list: String
  ) throws(TokenizerError) -> [TokenizerComponent] {
    if value == .null { return [] }
    let component = try TokenizerComponent(value, field: field)
    guard component.type == "Sequence" else { return [component] }
    guard case .array(let members)? = value[list] else {
      throw .malformed(field: component.field, expected: "an array \(list)")
    }
    var steps: [TokenizerComponent] = []
    for member in members { steps += try self.steps(member, field: field, list: list) }
    return steps
  }

  private func flag(_ name: String, default absent: Bool? = nil) throws(TokenizerError) -> Bool {
    if case .bool(let flag)? = value[name] { return flag }
    guard value[name] == nil, let absent else {
      throw .malformed(field: "\(field).\(name)", expected: "true or false")
    }
    return absent
  }

  private func text(_ name: String) throws(TokenizerError) -> String {
    guard let text = value[name]?.text else {
      throw .malformed(field: "\(field).\(name)", expected: "a text")
    }
    return text
  }

  private func count(_ name: String) throws(TokenizerError) -> Int {
    guard case .int(let count)? = value[name], count >= 0 else {
      throw .malformed(field: "\(field).\(name)", expected: "a number from 0 on")
    }
    return count
  }

  private var unsupported: TokenizerError { .unsupported(feature: field) }

  // MARK: Normalizers

  static func normalizers(_ value: TemplateValue) throws(TokenizerError) -> [Normalizer] {
    var result: [Normalizer] = []
    var growth = 1
    for step in try steps(value, field: "normalizer", list: "normalizers") {
      let normalizer = try step.normalizer()
      growth *= max(normalizer.growth, 1)
      guard growth <= Normalizer.growthMax else {
        throw .unsupported(feature: "\(step.field): a text that grows more than 64-fold")
      }
      result.append(normalizer)
    }
    return result
  }

  private func normalizer() throws(TokenizerError) -> Normalizer {
    switch type {
    case "NFC": return .composed
    case "NFD": return .decomposed
    case "NFKC": return .compatibilityComposed
    case "NFKD": return .compatibilityDecomposed
    case "Prepend":
      let prefix = Array(try text("prepend").utf8)
      guard prefix.count <= 64 else {
        throw .unsupported(feature: "\(field) of \(prefix.count) bytes")
      }
      return .prepend(prefix)
    case "Strip":
      return .strip(leading: try flag("strip_left"), trailing: try flag("strip_right"))
    case "Replace":
      let content = Array(try text("content").utf8)
      if let literal = value["pattern"]?["String"]?.text, !literal.isEmpty {
        return .replaceText(Array(literal.utf8), with: content)
      }
      guard let expression = value["pattern"]?["Regex"]?.text else {
        throw .malformed(field: "\(field).pattern", expected: "a String or a Regex")
      }
      return .replacePattern(try Pattern(expression), with: content)
    default: throw unsupported
    }
  }

  // MARK: Pre-tokenizers

  /// The steps, and whether they map text to bytes at the end.
  static func preTokenizers(
    _ value: TemplateValue
  ) throws(TokenizerError) -> (steps: [PreTokenizer], mapsBytes: Bool) {
    var result: [PreTokenizer] = []
    var mapsBytes = false
    for step in try steps(value, field: "pre_tokenizer", list: "pretokenizers") {
      // After ByteLevel the text is in the byte alphabet, which no step here looks at.
      guard !mapsBytes else {
        throw .unsupported(feature: "\(step.field) after ByteLevel")
      }
      mapsBytes = step.type == "ByteLevel"
      result += try step.preTokenizers()
    }
    return (result, mapsBytes)
  }

  private func preTokenizers() throws(TokenizerError) -> [PreTokenizer] {
    switch type {
    case "ByteLevel":
      return (try flag("add_prefix_space") ? [.prefixSpace] : [])
        + (try flag("use_regex", default: true)
          ? [try .isolating(PreTokenizer.byteLevelExpression)] : [])
    case "Digits":
      let isEach = try flag("individual_digits")
      return [try split(PreTokenizer.digitsExpression, isEach ? .isolated : .contiguous)]
    case "Punctuation":
      return [try split("[\(LaterUnicode.punctuation)]", try behavior(default: .isolated))]
    case "WhitespaceSplit": return [try split(#"\s"#, .removed)]
    case "Whitespace":
      let word = OnigurumaExpression.rustWord
      let expression = "[\(word)]+|[^\(word)\\s]+"
      return [.split(try Splitter(expression, .removed, isInverted: true))]
    case "CharDelimiterSplit": return [try split(Self.escaped(try text("delimiter")), .removed)]
    case "Metaspace": return [try metaspace()]
    case "Split":
      let expression: String
      if let literal = value["pattern"]?["String"]?.text {
        expression = Self.escaped(literal)
      } else if let regex = value["pattern"]?["Regex"]?.text {
        expression = regex
      } else {
        throw .malformed(field: field, expected: "a pattern and a known behavior")
      }
      let isInverted = try flag("invert", default: false)
      return [.split(try Splitter(expression, try behavior(), isInverted: isInverted))]
    default: throw unsupported
    }
  }

  private func split(
    _ expression: String, _ behavior: Splitter.Behavior
  ) throws(TokenizerError) -> PreTokenizer {
    .split(try Splitter(expression, behavior, isInverted: false))
  }

  private func behavior(
    default absent: Splitter.Behavior? = nil
  ) throws(TokenizerError) -> Splitter.Behavior {
    if value["behavior"] == nil, let absent { return absent }
    guard let behavior = value["behavior"]?.text.flatMap({ Splitter.Behavior(rawValue: $0) }) else {
      throw .malformed(field: field, expected: "a pattern and a known behavior")
    }
    return behavior
  }

  private func metaspace() throws(TokenizerError) -> PreTokenizer {
    let mark = try text("replacement")
    guard mark.unicodeScalars.count == 1 else {
      throw .malformed(field: "\(field).replacement", expected: "one character")
    }
    var prefix = PreTokenizer.MetaspacePrefix.always
    if value["prepend_scheme"] != nil {
      guard let known = PreTokenizer.MetaspacePrefix(rawValue: try text("prepend_scheme")) else {
        throw .malformed(field: "\(field).prepend_scheme", expected: "always, first or never")
      }
      prefix = known
    }
    if value["add_prefix_space"] == false { prefix = .never }
    let splitter =
      try flag("split", default: true)
      ? try Splitter(Self.escaped(mark), .mergedWithNext, isInverted: false) : nil
    return .metaspace(mark: Array(mark.utf8), prefix: prefix, splits: splitter)
  }

  /// An expression that matches `text` and nothing else.
  private static func escaped(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      let isSign =
        scalar.isASCII && !scalar.properties.isAlphabetic && !("0"..."9").contains(scalar)
        && scalar.value >= 0x20
      result += isSign ? "\\\(scalar)" : "\(scalar)"
    }
  }

  // MARK: Decoders

  static func decoding(_ value: TemplateValue) throws(TokenizerError) -> TokenDecoding {
    let steps = try steps(value, field: "decoder", list: "decoders")
    guard !steps.isEmpty else { throw .unsupported(feature: "decoder null") }
    if steps.contains(where: { $0.type == "ByteLevel" }) {
      // What comes after sees one text and would have to be undone there.
      guard steps.count == 1 else {
        throw .unsupported(feature: "decoder ByteLevel with \(steps[0].type)")
      }
      return .byteLevel
    }
    var rules = TokenDecoding.TextRules()
    var isFused = false
    for step in steps {
      guard !isFused || step.type == "Strip" || step.type == "Fuse" else {
        throw .unsupported(feature: "\(step.field) after Fuse")
      }
      switch step.type {
      case "Replace":
        guard let old = step.value["pattern"]?["String"]?.text, !old.isEmpty else {
          throw .unsupported(feature: "\(step.field) with a Regex")
        }
        guard !rules.hasByteTokens else {
          throw .unsupported(feature: "\(step.field) after ByteFallback")
        }
        rules.replacements.append(
          (old: Array(old.utf8), new: Array(try step.text("content").utf8)))
      case "ByteFallback": rules.hasByteTokens = true
      case "Fuse": isFused = true
      case "Strip":
        guard isFused, try step.count("stop") == 0, rules.stripped.count == 0 else {
          throw .unsupported(feature: "\(step.field) before Fuse, twice or at the end")
        }
        rules.stripped = (Array(try step.text("content").utf8), try step.count("start"))
      case "Metaspace":
        guard steps.count == 1 else { throw .unsupported(feature: "\(step.field) with others") }
        guard case .metaspace(let mark, let prefix, _) = try step.metaspace() else { break }
        rules.replacements = [(old: mark, new: [UInt8(ascii: " ")])]
        if prefix != .never { rules.firstTokenMark = mark }
      default: throw step.unsupported
      }
    }
    return .text(rules)
  }

  // MARK: Post-processors

  static func frame(_ value: TemplateValue) throws(TokenizerError) -> TokenFrame {
    var frame = TokenFrame()
    for step in try steps(value, field: "post_processor", list: "processors") {
      let inner: TokenFrame
      switch step.type {
      case "ByteLevel": continue
      case "BertProcessing", "RobertaProcessing":
        inner = TokenFrame(before: [try step.pairID("cls")], after: [try step.pairID("sep")])
      case "TemplateProcessing": inner = try step.template()
      default: throw step.unsupported
      }
      frame.before = inner.before + frame.before
      frame.after += inner.after
    }
    return frame
  }

  private func pairID(_ name: String) throws(TokenizerError) -> Int32 {
    guard case .array(let pair)? = value[name], pair.count == 2, case .int(let id) = pair[1],
      let id = Int32(exactly: id)
    else { throw .malformed(field: "\(field).\(name)", expected: "a token and its id") }
    return id
  }

  private func template() throws(TokenizerError) -> TokenFrame {
    guard case .array(let pieces)? = value["single"] else {
      throw .malformed(field: "\(field).single", expected: "an array")
    }
    var frame = TokenFrame()
    var hasText = false
    for piece in pieces {
      if piece["Sequence"] != nil {
        guard !hasText else { throw .unsupported(feature: "\(field) with its text twice") }
        hasText = true
      } else if let name = piece["SpecialToken"]?["id"]?.text,
        case .array(let ids)? = value["special_tokens"]?[name]?["ids"]
      {
        for case .int(let id) in ids {
          guard let id = Int32(exactly: id) else {
            throw .malformed(field: "\(field).special_tokens", expected: "ids")
          }
          if hasText { frame.after.append(id) } else { frame.before.append(id) }
        }
      } else {
        throw .malformed(field: "\(field).single", expected: "sequences and special tokens")
      }
    }
    guard hasText else { throw .malformed(field: "\(field).single", expected: "a Sequence") }
    return frame
  }
}
