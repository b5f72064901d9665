package import Tokenization

/// Why answers cannot be held to a schema.
package struct SchemaRefusal: Error, Equatable, CustomStringConvertible {
  /// JSON Pointer (RFC 6901) into the schema.
  package let pointer: String
  /// What is wrong there, and what is expected.
  package let detail: String

  package var description: String { "\(pointer.isEmpty ? "/" : pointer): \(detail)" }
}

extension JSONGrammar {
  /// Answers that a JSON Schema (draft 2020-12) describes.
  ///
  /// Every text of the grammar matches the schema. An object has the properties that the schema
  /// names, in its order; others are not written. A keyword that cannot be kept is refused.
  ///
  /// - Throws: the first such keyword.
  package init(schema: TemplateValue) throws(SchemaRefusal) {
    self.init()
    begin(with: try addRule(of: schema))
  }

  /// Adds the rules of a schema, beside those that are there.
  ///
  /// - Throws: the first keyword that cannot be kept.
  mutating func addRule(of schema: TemplateValue) throws(SchemaRefusal) -> ByteGrammar.RuleID {
    var reader = SchemaReader(root: schema, json: self)
    let rule = try reader.rule(of: schema, at: "")
    self = reader.json
    return rule
  }
}

/// Turns a schema into rules.
private struct SchemaReader {
  typealias RuleID = ByteGrammar.RuleID

  let root: TemplateValue
  var json: JSONGrammar
  /// Schemas that were referred to, by their pointers: recursion ends here.
  private var referred: [String: RuleID] = [:]
  private var depth = 0

  init(root: TemplateValue, json: JSONGrammar) {
    self.root = root
    self.json = json
  }

  private static let annotations: Set<String> = [
    "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default",
    "examples", "deprecated", "readOnly", "writeOnly",
  ]
  private static let names = ["null", "boolean", "object", "array", "number", "integer", "string"]

  mutating func rule(of schema: TemplateValue, at pointer: String) throws(SchemaRefusal) -> RuleID {
    depth += 1
    defer { depth -= 1 }
    guard depth < 200 else { throw refusal(pointer, "schemas nest too deeply") }
    if schema == .bool(true) { return json.parts.value }
    guard case .object(let members) = schema else {
      throw refusal(pointer, "must be a schema: an object, or true")
    }
    var keys = Set(members.map(\.name)).subtracting(Self.annotations)
    func only(_ allowed: Set<String>) throws(SchemaRefusal) {
      guard let key = keys.subtracting(allowed).min() else { return }
      throw refusal(
        "\(pointer)/\(key)", "answers cannot be held to \"\(key)\" here; leave it out")
    }
    if let reference = schema["$ref"] {
      try only(["$ref"])
      return try referenced(reference, at: pointer + "/$ref")
    }
    if let value = schema["const"] {
      try only(["const", "type"])
      return literal(value)
    }
    if case .array(let values)? = schema["enum"] {
      try only(["enum", "type"])
      guard !values.isEmpty else { throw refusal(pointer + "/enum", "must name a value") }
      let rules = values.map { literal($0) }
      return json.edit { $0.add(.choice(rules)) }
    }
    for name in ["anyOf", "allOf"] {
      guard case .array(let schemas)? = schema[name] else { continue }
      try only([name])
      guard !schemas.isEmpty, name == "anyOf" || schemas.count == 1 else {
        throw refusal(
          "\(pointer)/\(name)",
          name == "anyOf" ? "must name a schema" : "may hold one schema; write several as one")
      }
      var rules: [RuleID] = []
      for (index, schema) in schemas.enumerated() {
        rules.append(try rule(of: schema, at: "\(pointer)/\(name)/\(index)"))
      }
      return json.edit { $0.add(.choice(rules)) }
    }
    keys.remove("type")
    switch schema["type"] {
    case nil:
      if schema["properties"] != nil { return try object(schema, members, pointer, only) }
      if schema["items"] != nil { return try array(schema, pointer, only) }
      try only([])
      return json.parts.value
    case .string(let name)?:
      return try typed(name, schema, members, pointer, only)
    case .array(let types)? where !types.isEmpty:
      var rules: [RuleID] = []
      // Keywords of several types would have to be told apart.
      try only([])
      for type in types {
        rules.append(try typed(type.text ?? "", schema, members, pointer, only))
      }
      return json.edit { $0.add(.choice(rules)) }
    default: throw refusal(pointer + "/type", "must be a name or a list of names")
    }
  }

  private typealias Only = (Set<String>) throws(SchemaRefusal) -> Void

  private mutating func typed(
    _ name: String, _ schema: TemplateValue, _ members: [TemplateValue.Member], _ pointer: String,
    _ only: Only
  ) throws(SchemaRefusal) -> RuleID {
    switch name {
    case "object": return try object(schema, members, pointer, only)
    case "array": return try array(schema, pointer, only)
    case "string":
      try only(["minLength", "maxLength"])
      let counts = try counts(schema, "minLength", "maxLength", pointer)
      guard counts != 0...Int.max else { return json.parts.string }
      let most = counts.upperBound == .max ? nil : counts.upperBound
      let character = json.parts.character
      return json.edit { grammar in
        grammar.sequence(
          grammar.text("\""),
          grammar.add(.many(character, least: counts.lowerBound, most: most)),
          grammar.text("\""))
      }
    case "integer":
      try only([])
      return json.parts.integer
    case "number":
      try only([])
      return json.parts.number
    case "boolean":
      try only([])
      return json.parts.boolean
    case "null":
      try only([])
      return json.parts.null
    default:
      throw refusal(
        pointer + "/type", "must be one of \(Self.names.joined(separator: ", "))")
    }
  }

  private mutating func array(
    _ schema: TemplateValue, _ pointer: String, _ only: Only
  ) throws(SchemaRefusal) -> RuleID {
    try only(["items", "minItems", "maxItems"])
    let counts = try counts(schema, "minItems", "maxItems", pointer)
    let element =
      try schema["items"].map { items throws(SchemaRefusal) in
        try rule(of: items, at: pointer + "/items")
      } ?? json.parts.value
    let parts = json.parts
    return json.edit { parts.list(of: element, counts: counts, &$0) }
  }

  private mutating func object(
    _ schema: TemplateValue, _ members: [TemplateValue.Member], _ pointer: String, _ only: Only
  ) throws(SchemaRefusal) -> RuleID {
    try only(["properties", "required", "additionalProperties"])
    var required: Set<String> = []
    switch schema["required"] {
    case nil: break
    case .array(let names)?: required = Set(names.compactMap(\.text))
    default: throw refusal(pointer + "/required", "must be a list of names")
    }
    var properties: [TemplateValue.Member] = []
    switch schema["properties"] {
    case nil: break
    case .object(let members)?: properties = members
    default: throw refusal(pointer + "/properties", "must be an object of schemas")
    }
    let additional = schema["additionalProperties"]
    if let missing = required.subtracting(properties.map(\.name)).min() {
      throw refusal(
        pointer + "/required", "\"\(missing)\" is required, but \"properties\" does not name it")
    }
    if properties.isEmpty {
      if additional == .bool(false) { return json.edit { $0.text("{}") } }
      guard let additional, additional != .bool(true) else { return json.parts.object }
      let element = try rule(of: additional, at: pointer + "/additionalProperties")
      let parts = json.parts
      return json.edit { parts.map(to: element, &$0) }
    }
    var rules: [(member: RuleID, isRequired: Bool)] = []
    for property in properties {
      let value = try rule(of: property.value, at: "\(pointer)/properties/\(property.name)")
      let name = literal(.string(property.name))
      let colon = json.parts.colon
      rules.append(
        (json.edit { $0.sequence(name, colon, value) }, required.contains(property.name)))
    }
    let parts = json.parts
    return json.edit { grammar in
      // From the last to the first: what may follow when nothing, or something, stands before.
      var afterNone = grammar.add(.sequence([]))
      var afterSome = afterNone
      for (member, isRequired) in rules.reversed() {
        let first = grammar.sequence(member, afterSome)
        let next = grammar.sequence(parts.comma, member, afterSome)
        afterNone = isRequired ? first : grammar.choice(first, afterNone)
        afterSome = isRequired ? next : grammar.choice(next, afterSome)
      }
      return grammar.add(
        .sequence([
          grammar.text("{"), parts.space, afterNone, parts.space, grammar.text("}"),
        ]))
    }
  }

  private mutating func referenced(
    _ reference: TemplateValue, at pointer: String
  ) throws(SchemaRefusal) -> RuleID {
    guard let text = reference.text, text == "#" || text.hasPrefix("#/") else {
      throw refusal(pointer, "must begin with \"#\": schemas elsewhere are not fetched")
    }
    if let known = referred[text] { return known }
    var schema = root
    for step in text.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false)
    where text != "#" {
      let name = step.replacing("~1", with: "/").replacing("~0", with: "~")
      guard let next = schema[String(name)] else { throw refusal(pointer, "there is no \(text)") }
      schema = next
    }
    // A schema that is nothing but itself would describe nothing.
    guard schema["$ref"]?.text != text else { throw refusal(pointer, "refers to itself") }
    let id = json.edit { $0.declare() }
    referred[text] = id
    let content = try rule(of: schema, at: String(text.dropFirst()))
    json.edit { $0.define(id, .sequence([content])) }
    return id
  }

  private mutating func literal(_ value: TemplateValue) -> RuleID {
    json.edit { $0.text(value.compactJSON) }
  }

  private func counts(
    _ schema: TemplateValue, _ least: String, _ most: String, _ pointer: String
  ) throws(SchemaRefusal) -> ClosedRange<Int> {
    func count(_ name: String) throws(SchemaRefusal) -> Int? {
      switch schema[name] {
      case nil: return nil
      case .int(let count)? where (0...10_000).contains(count): return count
      default: throw refusal("\(pointer)/\(name)", "must be an integer from 0 to 10000")
      }
    }
    let (from, to) = (try count(least) ?? 0, try count(most) ?? .max)
    guard from <= to else { throw refusal("\(pointer)/\(most)", "must not be below \(least)") }
    return from...to
  }
}

private func refusal(_ pointer: String, _ detail: String) -> SchemaRefusal {
  SchemaRefusal(pointer: pointer, detail: detail)
}

extension TemplateValue {
  /// The value without white space, its strings with the escapes that must be.
  var compactJSON: String {
    switch self {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): "\(number)"
    case .double(let number): "\(number)"
    case .string(let text): Self.quoted(text)
    case .array(let items): "[\(items.map(\.compactJSON).joined(separator: ","))]"
    case .object(let members):
      "{"
        + members.map { "\(Self.quoted($0.name)):\($0.value.compactJSON)" }
        .joined(separator: ",") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\u{00}"..."\u{1F}":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
