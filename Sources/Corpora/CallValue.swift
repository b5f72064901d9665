/// A value in a tool call, written as JSON without spaces.
enum CallValue {
  case text(String)
  case number(Int)
  case list([CallValue])
  case object([(name: String, value: CallValue)])

  /// The JSON. Names and texts here hold nothing that JSON would escape.
  var json: String {
    switch self {
    case .text(let text): "\"\(text)\""
    case .number(let number): "\(number)"
    case .list(let values): "[" + values.map(\.json).joined(separator: ",") + "]"
    case .object(let members):
      "{" + members.map { "\"\($0.name)\":\($0.value.json)" }.joined(separator: ",") + "}"
    }
  }
}

/// A request in words, and the call that it asks for.
struct ToolCall {
  let request: String
  let tool: String
  let arguments: [(name: String, value: CallValue)]

  var json: String {
    CallValue.object([
      (name: "tool", value: .text(tool)), (name: "arguments", value: .object(arguments)),
    ])
    .json
  }
}
