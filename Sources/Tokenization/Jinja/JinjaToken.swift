/// What a template is made of: text, and the signs inside `{{ … }}` and `{% … %}`.
enum JinjaToken: Equatable, Sendable {
  case text(String)
  case variableBegin
  case variableEnd
  case blockBegin
  case blockEnd
  case name(String)
  case string(String)
  case int(Int)
  case double(Double)
  case sign(String)

  var description: String {
    switch self {
    case .text: "text"
    case .variableBegin: "{{"
    case .variableEnd: "}}"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .name(let name): name
    case .string: "a string"
    case .int, .double: "a number"
    case .sign(let sign): sign
    }
  }
}

/// A token and the line that it begins on.
struct JinjaPlacedToken: Sendable {
  let token: JinjaToken
  let line: Int
}
