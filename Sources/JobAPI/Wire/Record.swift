// What the daemon answers with, said once: a record lists the members of an answer with their
// schemas and how each is had from a value. The JSON and the OpenAPI schema both follow it.

package import Jobs

/// The members of one kind of answer.
package struct Record<Value: Sendable>: Sendable {
  /// The name of the schema in the OpenAPI document.
  package let name: String
  /// What the answer is, one sentence.
  package let summary: String
  /// In the order of the JSON.
  let members: [Member<Value>]

  /// A record; see the properties.
  init(_ name: String, _ summary: String, _ members: [Member<Value>]) {
    self.name = name
    self.summary = summary
    self.members = members
  }

  /// The answer for a value; a member without a value is null, never left out.
  package func json(_ value: Value) -> JSONValue {
    .object(JSONObject(members.map { ($0.name, $0.json(value)) }))
  }

  /// The JSON Schema; every member is required.
  package var schema: JSONValue {
    [
      "type": "object", "description": .string(summary),
      "properties": .object(
        JSONObject(members.map { ($0.name, $0.schema.documented($0.documentation, standard: nil)) })
      ),
      "required": .array(members.map { .string($0.name) }),
    ]
  }
}

/// One member of an answer.
struct Member<Value: Sendable>: Sendable {
  let name: String
  let schema: JSONValue
  let documentation: String
  let json: @Sendable (Value) -> JSONValue

  init(
    _ name: String, _ schema: JSONValue, _ documentation: String,
    _ json: @escaping @Sendable (Value) -> JSONValue
  ) {
    self.name = name
    self.schema = schema
    self.documentation = documentation
    self.json = json
  }
}

/// Schemas that answers are made of.
enum Wire {
  static let text: JSONValue = ["type": "string"]
  static let integer: JSONValue = ["type": "integer"]
  static let number: JSONValue = ["type": "number"]
  static let boolean: JSONValue = ["type": "boolean"]
  static let time: JSONValue = ["type": "string", "format": "date-time"]
  static let object: JSONValue = ["type": "object"]
  static let any: JSONValue = [:]
  static let textMap: JSONValue = ["type": "object", "additionalProperties": ["type": "string"]]

  /// One of these strings.
  static func oneOf(_ values: [String]) -> JSONValue {
    ["type": "string", "enum": .array(values.map { .string($0) })]
  }

  /// A list of elements of one schema.
  static func list(of element: JSONValue) -> JSONValue {
    ["type": "array", "items": element]
  }

  /// A schema of the document's components.
  static func reference(_ name: String) -> JSONValue {
    ["$ref": .string("#/components/schemas/\(name)")]
  }
}

extension Optional {
  /// The JSON of what is there, or null.
  func json(_ write: (Wrapped) -> JSONValue) -> JSONValue {
    map(write) ?? .null
  }
}
