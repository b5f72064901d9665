import Constraints
import Evaluation
import Foundation
import Inference
import TestSupport
import Testing
import Tokenization

/// A vocabulary of all bytes and of pieces that JSON is written in, so that tokens begin, end and
/// cross its parts.
private enum Vocabulary {
  static let pieces = [
    "{\"", "\":", "\": \"", "\",\"", "\"}", "\"]", "}}", "[{", "}]", ", ", "true", "fal", "se}",
    "null", "nul", "12", "0.5", "e-3", "-", "name", "age", "na", "me\"", "é", "日", "\\u", "\\n",
    "\\ud83d", "\\ude00", "\n  ", "  ", "\"a\"", "1,", "items", "red", "gre", "en\"",
  ]
  static let tokens: [[UInt8]] =
    (0...255).map { [UInt8($0)] } + pieces.map { Array($0.utf8) } + [[]]
  /// The token without text: it ends an answer.
  static let stop = Int32(tokens.count - 1)
  static let bytes = TokenBytes(tokens)

  static func text(_ answer: [Int32]) -> [UInt8] { answer.flatMap { tokens[Int($0)] } }
}

/// An answer drawn from what a constraint allows.
private func randomAnswer(
  _ start: GrammarConstraint, limit: Int, using random: inout SplitMix64
) throws -> [Int32] {
  var constraint = start
  var answer: [Int32] = []
  while true {
    var mask = TokenMask(vocabularySize: Vocabulary.tokens.count)
    constraint.markAllowed(in: &mask)
    var allowed = (0..<Int32(Vocabulary.tokens.count)).filter { mask[$0] }
    try #require(!allowed.isEmpty, "dead end behind \(Vocabulary.text(answer))")
    #expect(mask[Vocabulary.stop] == constraint.isComplete)
    // Long answers are brought to an end: by what closes, and by the shortest.
    if answer.count > limit {
      if mask[Vocabulary.stop] { return answer }
      let closing = allowed.filter { token in
        Vocabulary.tokens[Int(token)].allSatisfy { "}]\"".utf8.contains($0) }
      }
      if !closing.isEmpty { allowed = closing }
    }
    let token = allowed.randomElement(using: &random) ?? 0
    if token == Vocabulary.stop { return answer }
    constraint.accept(token)
    answer.append(token)
  }
}

struct JSONGrammarTests {
  @Test(arguments: 1...40 as ClosedRange<UInt64>)
  func `What is allowed is a JSON object, whatever is drawn`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let constraint = GrammarConstraint(
      .anyObject, tokens: Vocabulary.bytes, stopTokens: [Vocabulary.stop])
    let answer = Vocabulary.text(try randomAnswer(constraint, limit: 60, using: &random))
    let text = try #require(String(validating: answer, as: UTF8.self), "seed \(seed)")
    // Foundation's reader, since ours refuses a name that comes twice, which JSON does not.
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
    #expect(value is [String: Any], "seed \(seed): \(text)")
  }

  static let schemas = [
    """
    {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
     "tags": {"type": "array", "items": {"enum": ["red", "green", 3, null]}, "maxItems": 3}},
     "required": ["name", "tags"], "additionalProperties": false}
    """,
    """
    {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "boolean"},
     {"type": "string", "minLength": 2, "maxLength": 4}]}, "minItems": 2, "maxItems": 5}
    """,
    """
    {"properties": {"a": {"const": "x\\"y"}, "b": {"type": "string"}, "c": true}}
    """,
  ]

  @Test(arguments: schemas, 1...12 as ClosedRange<UInt64>)
  func `What is allowed matches the schema`(schema: String, seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let judge = try JSONSchema(schema)
    let grammar = try JSONGrammar(schema: TemplateValue(json: Array(schema.utf8)))
    let constraint = GrammarConstraint(
      grammar, tokens: Vocabulary.bytes, stopTokens: [Vocabulary.stop])
    let answer = Vocabulary.text(try randomAnswer(constraint, limit: 40, using: &random))
    let text = try #require(String(validating: answer, as: UTF8.self), "seed \(seed)")
    #expect(judge.matches(try JSONTree(text)), "seed \(seed): \(text)")
  }

  @Test
  func `An object may have any names with values of one kind`() throws {
    let schema = #"{"type": "object", "additionalProperties": {"type": ["integer", "null"]}}"#
    let grammar = try JSONGrammar(schema: TemplateValue(json: Array(schema.utf8)))
    #expect(accepts(grammar, #"{"a":1,"b":null}"#))
    #expect(accepts(grammar, "{}"))
    #expect(!accepts(grammar, #"{"a":1.5}"#))
    #expect(!accepts(grammar, #"{"a":"1"}"#))
  }

  @Test
  func `A schema may refer to itself`() throws {
    let schema = """
      {"$defs": {"tree": {"type": "object", "properties": {"value": {"type": "integer"},
       "left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}},
       "required": ["value", "left"]}}, "$ref": "#/$defs/tree"}
      """
    let grammar = try JSONGrammar(schema: TemplateValue(json: Array(schema.utf8)))
    #expect(accepts(grammar, #"{"value": 1, "left": {"value":2,"left":null}}"#))
    #expect(!accepts(grammar, #"{"value": 1, "left": {"value":2}}"#))
  }

  @Test
  func `Texts of JSON are taken, others are not`() throws {
    for text in [
      "{}", "{ }", "{\"a\":1}", "{\"a\": [1, 2.5e-3, -0, true, null, {}]}",
      "{\"é\\u00e9\\ud83d\\ude00\": \"日本\"}", "\n  {\n  \"a\": \"\"\n}",
    ] {
      #expect(accepts(.anyObject, text), "\(text)")
    }
    for text in [
      "", "[]", "{", "{\"a\"}", "{\"a\":01}", "{\"a\":1,}", "{\"a\":\"\u{1}\"}",
      "{\"\\ud83d\": 1}", "{\"a\": \"\\x\"}", "{} {}", "{\"a\":+1}",
    ] {
      #expect(!accepts(.anyObject, text), "\(text)")
    }
    let overlong: [UInt8] = Array("{\"".utf8) + [0xC0, 0x80] + Array("\":1}".utf8)
    #expect(!accepts(.anyObject, overlong))
  }

  @Test
  func `Numbers are JSON's, as far as a double holds them`() {
    let digits = String(repeating: "9", count: 300)
    for number in [
      "0", "-0", "0.00000000000000000000000000000000001", "1e-289", "1e199", "1E+05", "-12.50e7",
      digits,
      "-\(digits).\(digits)", "\(digits.prefix(17)).5e289",
    ] {
      #expect(accepts(.anyObject, "{\"a\":\(number)}"), "\(number)")
    }
    for number in [
      "01", "1.", ".5", "1e", "--1", "1e+-1", "0x1", "NaN", "Infinity", "1_0", "1e290",
      "9\(digits)",
      "\(digits.prefix(18))e289",
    ] {
      #expect(!accepts(.anyObject, "{\"a\":\(number)}"), "\(number)")
    }
  }

  @Test
  func `White space is what values are written with, and has an end`() {
    let deep = String(repeating: " ", count: 20)
    #expect(accepts(.anyObject, "{\n\(deep)\"a\": 1\n\t}"))
    for space in ["\n \(deep)", "  ", "\n\n", "\t", "\r\n"] {
      #expect(!accepts(.anyObject, "{\(space)\"a\":1}"), "\(space.utf8.map { $0 })")
    }
  }

  @Test(arguments: 1...12 as ClosedRange<UInt64>)
  func `An answer can be held to a call`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let schema = #"{"type": "object", "properties": {"age": {"type": "boolean"}}}"#
    let grammar = try JSONGrammar(
      calling: [
        .init(name: "name", parameters: try TemplateValue(json: Array(schema.utf8))),
        .init(name: "\"red\"", parameters: nil),
      ], opening: "<call>\n", argumentsName: "arguments", closing: "\n</call>")
    let constraint = GrammarConstraint(
      grammar, tokens: Vocabulary.bytes, stopTokens: [Vocabulary.stop])
    let answer = Vocabulary.text(try randomAnswer(constraint, limit: 60, using: &random))
    let text = try #require(String(validating: answer, as: UTF8.self), "seed \(seed)")
    #expect(text.hasPrefix("<call>\n{") && text.hasSuffix("}\n</call>"), "\(text)")
    let call = try TemplateValue(json: Array(text.dropFirst(7).dropLast(8).utf8))
    switch call["name"] {
    case .string("name")?:
      let before = "<call>\n{\"name\": \"name\", \"arguments\": "
      let arguments = String(text.dropFirst(before.count).dropLast("}\n</call>".count))
      #expect(try JSONSchema(schema).matches(JSONTree(arguments)), "seed \(seed): \(text)")
    case .string("\"red\"")?:
      guard case .object? = call["arguments"] else {
        Issue.record("seed \(seed): \(text)")
        return
      }
    default: Issue.record("seed \(seed): \(text)")
    }
  }

  @Test
  func `A function whose arguments cannot be held to its schema is named`() throws {
    let schema = #"{"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}"#
    let refusal = #expect(throws: FunctionRefusal.self) {
      try JSONGrammar(
        calling: [
          .init(name: "a", parameters: nil),
          .init(name: "b", parameters: try TemplateValue(json: Array(schema.utf8))),
        ], opening: "", argumentsName: "parameters", closing: "")
    }
    #expect(refusal?.index == 1)
    #expect(refusal?.schema.pointer == "/properties/a/minimum")
  }

  @Test(arguments: [
    (#"{"type": "string", "pattern": "a+"}"#, "/pattern"),
    (#"{"type": "integer", "minimum": 3}"#, "/minimum"),
    (#"{"type": "object", "properties": {"a": {"format": "date"}}}"#, "/properties/a/format"),
    (#"{"oneOf": [{"type": "null"}]}"#, "/oneOf"),
    (#"{"$ref": "http://example.org/a"}"#, "/$ref"),
    (##"{"$ref": "#/$defs/none"}"##, "/$ref"),
    (#"{"type": "object", "required": ["a"]}"#, "/required"),
    (#"{"type": "text"}"#, "/type"), ("false", ""),
  ])
  func `What cannot be kept is refused by its place`(schema: String, pointer: String) throws {
    let refusal = #expect(throws: SchemaRefusal.self) {
      try JSONGrammar(schema: TemplateValue(json: Array(schema.utf8)))
    }
    #expect(refusal?.pointer == pointer)
  }

  private func accepts(_ grammar: JSONGrammar, _ text: String) -> Bool {
    accepts(grammar, Array(text.utf8))
  }

  /// Whether the bytes, each a token, are allowed one after the other and may end there.
  private func accepts(_ grammar: JSONGrammar, _ bytes: [UInt8]) -> Bool {
    var constraint = GrammarConstraint(
      grammar, tokens: Vocabulary.bytes, stopTokens: [Vocabulary.stop])
    for byte in bytes {
      var mask = TokenMask(vocabularySize: Vocabulary.tokens.count)
      constraint.markAllowed(in: &mask)
      guard mask[Int32(byte)] else { return false }
      constraint.accept(Int32(byte))
    }
    return constraint.isComplete
  }
}

struct TokenMaskTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `The mask is what reading each token by itself would give`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let schema = JSONGrammarTests.schemas[Int(seed) % JSONGrammarTests.schemas.count]
    let grammar = try JSONGrammar(schema: TemplateValue(json: Array(schema.utf8)))
    let singles = TokenBytes((0...255).map { [UInt8($0)] })
    var constraint = GrammarConstraint(grammar, tokens: Vocabulary.bytes, stopTokens: [])
    var byByte = GrammarConstraint(grammar, tokens: singles, stopTokens: [])
    for _ in 0..<30 {
      var mask = TokenMask(vocabularySize: Vocabulary.tokens.count)
      constraint.markAllowed(in: &mask)
      for (token, bytes) in Vocabulary.tokens.enumerated() where !bytes.isEmpty {
        var reader = byByte
        let isAllowed = bytes.allSatisfy { byte in
          var next = TokenMask(vocabularySize: 256)
          reader.markAllowed(in: &next)
          guard next[Int32(byte)] else { return false }
          reader.accept(Int32(byte))
          return true
        }
        #expect(mask[Int32(token)] == isAllowed, "seed \(seed), token \(token)")
      }
      let allowed = (0..<Int32(Vocabulary.tokens.count)).filter { mask[$0] }
      guard let token = allowed.randomElement(using: &random) else { break }
      constraint.accept(token)
      for byte in Vocabulary.tokens[Int(token)] { byByte.accept(Int32(byte)) }
    }
  }
}
