internal import Jobs

/// A call of a function, as an answer tells it.
package struct ToolCall: Equatable, Sendable {
  /// Which of the answer's calls it is.
  package var index: Int
  /// By which the client's result will name it.
  package var id: String
  package var name: String
  /// A JSON object, as the model wrote it.
  package var arguments: String

  package init(index: Int, id: String, name: String, arguments: String) {
    self.index = index
    self.id = id
    self.name = name
    self.arguments = arguments
  }

  /// - Parameter isChunk: the parts of a stream say which call they belong to.
  func json(isChunk: Bool) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .string(id)), ("type", "function"),
      ("function", ["name": .string(name), "arguments": .string(arguments)]),
    ]
    if isChunk { members.insert(("index", .int(Int64(index))), at: 0) }
    return .object(JSONObject(members))
  }

  static let schema: JSONValue = [
    "type": "object",
    "properties": [
      "id": Wire.text, "type": ["const": "function"],
      "function": [
        "type": "object", "properties": ["name": Wire.text, "arguments": Wire.text],
        "required": ["name", "arguments"],
      ],
    ], "required": ["id", "type", "function"],
  ]
}
