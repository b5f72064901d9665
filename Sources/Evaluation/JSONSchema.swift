/// A JSON Schema (draft 2020-12), as much of it as tool descriptions use.
///
/// A keyword that is not known is refused, so that a schema never promises more than is checked.
package struct JSONSchema: Sendable {
  /// What a schema may ask for; each is one keyword.
  private indirect enum Rule: Sendable {
    case types([String])
    case choice([JSONTree])
    case properties([String: JSONSchema])
    case required([String])
    case closed(known: Set<String>)
    case items(JSONSchema)
    case itemCount(ClosedRange<Int>)
    case length(ClosedRange<Int>)
    case range(ClosedRange<Double>)
    case pattern(String)
    case one([JSONSchema])
    case any([JSONSchema])
    case all([JSONSchema])
    case never
  }

  private var rules: [Rule] = []

  /// Reads a schema from its JSON.
  ///
  /// - Throws: `.unavailable` naming what is wrong with it.
  package init(_ json: String) throws(EvaluationError) {
    do {
      try self.init(try JSONTree(json), at: "")
    } catch let error as EvaluationError {
      throw error
    } catch {
      throw .schema(pointer: "", expected: "JSON: \(error)")
    }
  }

  /// Reads a schema that was parsed before.
  ///
  /// - Throws: as `init(_:)` of a text.
  package init(_ tree: JSONTree) throws(EvaluationError) {
    try self.init(tree, at: "")
  }

  private init(_ tree: JSONTree, at pointer: String) throws(EvaluationError) {
    if tree == .bool(true) { return }
    if tree == .bool(false) {
      rules = [.never]
      return
    }
    guard case .object(let members) = tree else {
      throw .schema(pointer: pointer, expected: "an object or a boolean")
    }
    for (keyword, value) in members.sorted(by: { $0.key < $1.key }) {
      try add(keyword, value, members, at: "\(pointer)/\(keyword)")
    }
  }

  private mutating func add(
    _ keyword: String, _ value: JSONTree, _ members: [String: JSONTree], at pointer: String
  ) throws(EvaluationError) {
    func wrong(_ expected: String) -> EvaluationError {
      .schema(pointer: pointer, expected: expected)
    }
    func number(_ name: String) throws(EvaluationError) -> Double? {
      switch members[name] {
      case nil: nil
      case .number(let number): number
      default: throw wrong("numbers")
      }
    }
    func counts(_ least: String, _ most: String) throws(EvaluationError) -> ClosedRange<Int> {
      let (from, to) = (try number(least) ?? 0, try number(most) ?? 0x1p52)
      guard from >= 0, from <= to, to <= 0x1p52 else { throw wrong("a range of counts") }
      return Int(from)...Int(to)
    }
    switch (keyword, value) {
    case ("$schema", _), ("$id", _), ("title", _), ("description", _), ("default", _),
      ("examples", _):
      break
    case ("type", .text(let type)): rules.append(.types([type]))
    case ("type", .list(let types)): rules.append(.types(try texts(types, wrong("type names"))))
    case ("enum", .list(let values)): rules.append(.choice(values))
    case ("const", _): rules.append(.choice([value]))
    case ("properties", .object(let properties)):
      var schemas: [String: JSONSchema] = [:]
      for (name, schema) in properties {
        schemas[name] = try JSONSchema(schema, at: "\(pointer)/\(name)")
      }
      rules.append(.properties(schemas))
    case ("required", .list(let names)): rules.append(.required(try texts(names, wrong("names"))))
    case ("additionalProperties", .bool(let isOpen)):
      guard !isOpen else { break }
      guard case .object(let known) = members["properties"] ?? .object([:]) else { break }
      rules.append(.closed(known: Set(known.keys)))
    case ("items", _): rules.append(.items(try JSONSchema(value, at: pointer)))
    case ("minItems", .number), ("maxItems", .number):
      rules.append(.itemCount(try counts("minItems", "maxItems")))
    case ("minLength", .number), ("maxLength", .number):
      rules.append(.length(try counts("minLength", "maxLength")))
    case ("minimum", .number), ("maximum", .number):
      let (from, to) = (try number("minimum") ?? -.infinity, try number("maximum") ?? .infinity)
      guard from <= to else { throw wrong("minimum below maximum") }
      rules.append(.range(from...to))
    case ("pattern", .text(let pattern)):
      guard (try? Regex(pattern)) != nil else { throw wrong("a regular expression") }
      rules.append(.pattern(pattern))
    case ("oneOf", .list(let list)): rules.append(.one(try schemas(list, at: pointer)))
    case ("anyOf", .list(let list)): rules.append(.any(try schemas(list, at: pointer)))
    case ("allOf", .list(let list)): rules.append(.all(try schemas(list, at: pointer)))
    default: throw wrong("a keyword that is supported, with a value of its kind")
    }
  }

  private func texts(
    _ values: [JSONTree], _ error: EvaluationError
  ) throws(EvaluationError) -> [String] {
    var result: [String] = []
    for value in values {
      guard case .text(let text) = value else { throw error }
      result.append(text)
    }
    return result
  }

  private func schemas(
    _ list: [JSONTree], at pointer: String
  ) throws(EvaluationError) -> [JSONSchema] {
    var result: [JSONSchema] = []
    for (index, schema) in list.enumerated() {
      result.append(try JSONSchema(schema, at: "\(pointer)/\(index)"))
    }
    return result
  }

  /// Whether `value` is what the schema describes.
  package func matches(_ value: JSONTree) -> Bool {
    rules.allSatisfy { Self.holds($0, value) }
  }

  private static func holds(_ rule: Rule, _ value: JSONTree) -> Bool {
    switch (rule, value) {
    case (.types(let types), _): types.contains { isType($0, value) }
    case (.choice(let choices), _): choices.contains(value)
    case (.properties(let schemas), .object(let members)):
      members.allSatisfy { name, member in schemas[name]?.matches(member) ?? true }
    case (.required(let names), .object(let members)): names.allSatisfy { members[$0] != nil }
    case (.closed(let known), .object(let members)): members.keys.allSatisfy(known.contains)
    case (.items(let schema), .list(let items)): items.allSatisfy(schema.matches)
    case (.itemCount(let range), .list(let items)): range.contains(items.count)
    case (.length(let range), .text(let text)): range.contains(text.unicodeScalars.count)
    case (.range(let range), .number(let number)): range.contains(number)
    case (.pattern(let pattern), .text(let text)):
      (try? Regex(pattern).firstMatch(in: text)) ?? nil != nil
    case (.one(let schemas), _): schemas.count { $0.matches(value) } == 1
    case (.any(let schemas), _): schemas.contains { $0.matches(value) }
    case (.all(let schemas), _): schemas.allSatisfy { $0.matches(value) }
    case (.never, _): false
    // A keyword says nothing about values of another type than its own.
    case (.properties, _), (.required, _), (.closed, _), (.items, _), (.itemCount, _),
      (.length, _), (.range, _), (.pattern, _):
      true
    }
  }

  private static func isType(_ name: String, _ value: JSONTree) -> Bool {
    switch (name, value) {
    case ("null", .null), ("boolean", .bool), ("number", .number), ("string", .text),
      ("array", .list), ("object", .object):
      true
    case ("integer", .number(let number)): number == number.rounded()
    default: false
    }
  }
}
