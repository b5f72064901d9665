extension JinjaEvaluator {
  /// `str(value)`: what `{{ value }}` prints.
  func string(_ value: JinjaValue) throws(ChatTemplateError) -> String {
    switch value {
    case .string(let text), .markup(let text): return text
    case .undefined: return ""
    default: return try repr(value)
    }
  }

  /// `repr(value)`.
  func repr(_ value: JinjaValue) throws(ChatTemplateError) -> String {
    try charge(1)
    switch value {
    case .undefined: return "Undefined"
    case .none: return "None"
    case .bool(let value): return value ? "True" : "False"
    case .int(let value): return "\(value)"
    case .double(let value): return PythonText.repr(value)
    case .string(let text):
      try charge(text.utf8.count / 16)
      return PythonText.repr(text)
    case .list(let list): return "[" + (try reprs(list.items)) + "]"
    case .tuple(let list):
      return "(" + (try reprs(list.items)) + (list.items.count == 1 ? ",)" : ")")
    case .dictionary(let dictionary):
      var parts: [String] = []
      for member in dictionary.members {
        parts.append(try repr(member.key) + ": " + repr(member.value))
      }
      return "{" + parts.joined(separator: ", ") + "}"
    case .markup, .generator, .namespace, .loop, .macro, .function, .method:
      throw unsupported("a \(value.typeName) as text")
    }
  }

  private func reprs(_ items: [JinjaValue]) throws(ChatTemplateError) -> String {
    var parts: [String] = []
    for item in items { parts.append(try repr(item)) }
    return parts.joined(separator: ", ")
  }

  /// The filter `tojson` of transformers: Python's `json.dumps`.
  func json(
    _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    let bound = try arguments.bound(
      to: ["ensure_ascii", "indent", "separators", "sort_keys"], self)
    var style = JSONStyle()
    style.isASCII = bound[0]?.isTrue ?? false
    style.sortsKeys = bound[3]?.isTrue ?? false
    switch bound[1] {
    case nil, JinjaValue.none?: break
    case .int(let width)?:
      style.indent = String(repeating: " ", count: min(max(width, 0), 64))
      style.itemSeparator = ","
    case .string(let text)?:
      style.indent = text
      style.itemSeparator = ","
    default: throw unsupported("tojson with this indent")
    }
    switch bound[2] {
    case nil, JinjaValue.none?: break
    case .tuple(let pair)?, .list(let pair)?:
      guard pair.items.count == 2, let item = pair.items[0].text, let key = pair.items[1].text
      else { throw failure("separators must be two texts") }
      style.itemSeparator = item
      style.keySeparator = key
    default: throw failure("separators must be two texts")
    }
    return .string(try json(value, style, level: 0))
  }

  private struct JSONStyle {
    var isASCII = false
    var sortsKeys = false
    var indent: String?
    var itemSeparator = ", "
    var keySeparator = ": "
  }

  private func json(
    _ value: JinjaValue, _ style: JSONStyle, level: Int
  ) throws(ChatTemplateError) -> String {
    try charge(1)
    switch value {
    case .none: return "null"
    case .bool(let value): return value ? "true" : "false"
    case .int(let value): return "\(value)"
    case .double(let value):
      if value.isNaN { return "NaN" }
      if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
      return PythonText.repr(value)
    case .string(let text), .markup(let text): return try quoted(text, style)
    case .list(let list), .tuple(let list):
      var parts: [String] = []
      for item in list.items { parts.append(try json(item, style, level: level + 1)) }
      return wrapped(parts, "[", "]", style, level)
    case .dictionary(let dictionary):
      var members: [(key: String, value: JinjaValue)] = []
      for member in dictionary.members {
        let key =
          switch member.key {
          case .string(let text), .markup(let text): text
          default: try json(member.key, style, level: 0)
          }
        members.append((key: key, value: member.value))
      }
      if style.sortsKeys {
        members.sort { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
      }
      var parts: [String] = []
      for member in members {
        let value = try json(member.value, style, level: level + 1)
        parts.append(try quoted(member.key, style) + style.keySeparator + value)
      }
      return wrapped(parts, "{", "}", style, level)
    case .undefined, .generator, .namespace, .loop, .macro, .function, .method:
      throw failure("Object of type \(value.typeName) is not JSON serializable")
    }
  }

  private func wrapped(
    _ parts: [String], _ open: String, _ close: String, _ style: JSONStyle, _ level: Int
  ) -> String {
    guard let indent = style.indent, !parts.isEmpty else {
      return open + parts.joined(separator: style.itemSeparator) + close
    }
    let inner = "\n" + String(repeating: indent, count: level + 1)
    return open + inner + parts.joined(separator: style.itemSeparator + inner) + "\n"
      + String(repeating: indent, count: level) + close
  }

  private func quoted(_ text: String, _ style: JSONStyle) throws(ChatTemplateError) -> String {
    try charge(text.utf8.count / 16)
    var result = String.UnicodeScalarView()
    result.append("\"")
    func escape(_ unit: UInt16) {
      let digits = String(unit, radix: 16)
      result.append(
        contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
          .unicodeScalars)
    }
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result.append(contentsOf: "\\\"".unicodeScalars)
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      case "\r": result.append(contentsOf: "\\r".unicodeScalars)
      case "\t": result.append(contentsOf: "\\t".unicodeScalars)
      case "\u{8}": result.append(contentsOf: "\\b".unicodeScalars)
      case "\u{C}": result.append(contentsOf: "\\f".unicodeScalars)
      case "\0"..<" ": escape(UInt16(scalar.value))
      default:
        if style.isASCII, scalar.value > 0x7E {
          if scalar.value == 0x7F { result.append(scalar) } else { scalar.utf16.forEach(escape) }
        } else {
          result.append(scalar)
        }
      }
    }
    result.append("\"")
    return String(result)
  }
}
