internal import Jobs

/// Whether the model may, or must, call one of the functions that it is told about.
package enum ToolChoice: Equatable, Sendable {
  /// It is not told about them.
  case none
  case auto
  /// It calls one of them.
  case required
  /// It calls this one.
  case function(String)
}

extension Shape where Value == ToolChoice {
  /// `tool_choice` of a chat.
  static var toolChoice: Shape {
    Shape(
      #""none", "auto", "required" or {"type": "function", "function": {"name": …}}"#,
      schema: [
        "anyOf": [
          ["enum": ["none", "auto", "required"]],
          [
            "type": "object",
            "properties": [
              "type": ["const": "function"],
              "function": [
                "type": "object", "properties": ["name": Wire.text], "required": ["name"],
              ],
            ], "required": ["type", "function"],
          ], ["type": "null"],
        ]
      ],
      parse: { json in
        switch json {
        case "none": return ToolChoice.none
        case "auto", .null: return .auto
        case "required": return .required
        default:
          guard json["type"] == "function" else { return nil }
          return (json["function"]?["name"]?.stringValue).map { .function($0) }
        }
      },
      write: { choice in
        switch choice {
        case .none: "none"
        case .auto: "auto"
        case .required: "required"
        case .function(let name): ["type": "function", "function": ["name": .string(name)]]
        }
      })
  }
}

extension Shape where Value == JSONValue {
  /// One of `tools`: a function with a name; other kinds are run by OpenAI's own servers.
  static var functionTool: Shape {
    Shape(
      #"{"type": "function", "function": {"name": …, "parameters"?: {…}}}"#,
      schema: [
        "type": "object",
        "properties": [
          "type": ["const": "function"],
          "function": [
            "type": "object",
            "properties": [
              "name": Wire.text, "description": Wire.text, "parameters": Wire.object,
            ], "required": ["name"],
          ],
        ], "required": ["type", "function"],
      ],
      parse: { json in
        guard json["type"] == "function", let function = json["function"],
          function["name"]?.stringValue?.isEmpty == false
        else { return nil }
        switch function["parameters"] {
        case nil, .null, .object: return json
        default: return nil
        }
      }, write: { $0 })
  }
}
