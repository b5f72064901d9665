extension JSONValue {
  /// The value as compact JSON in UTF-8.
  package var bytes: [UInt8] {
    var output: [UInt8] = []
    write(to: &output)
    return output
  }

  /// The value as compact JSON.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Appends the value as compact JSON in UTF-8. Numbers are the shortest that read back the same.
  package func write(to output: inout [UInt8]) {
    switch self {
    case .null: output.append(literal: "null")
    case .bool(let value): output.append(literal: value ? "true" : "false")
    case .int(let value): output.append(contentsOf: String(value).utf8)
    case .double(let value):
      if value.isFinite {
        output.append(contentsOf: value.description.utf8)
      } else {
        output.append(literal: "null")
      }
    case .string(let value): Self.write(value, to: &output)
    case .array(let elements):
      output.append(UInt8(ascii: "["))
      var isFirst = true
      for element in elements {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        element.write(to: &output)
      }
      output.append(UInt8(ascii: "]"))
    case .object(let object):
      output.append(UInt8(ascii: "{"))
      var isFirst = true
      for (key, value) in object {
        if !isFirst { output.append(UInt8(ascii: ",")) }
        isFirst = false
        Self.write(key, to: &output)
        output.append(UInt8(ascii: ":"))
        value.write(to: &output)
      }
      output.append(UInt8(ascii: "}"))
    }
  }

  /// Appends a string with its quotes and escapes.
  private static func write(_ string: String, to output: inout [UInt8]) {
    output.append(UInt8(ascii: "\""))
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): output.append(literal: "\\\"")
      case UInt8(ascii: "\\"): output.append(literal: "\\\\")
      case 0x0A: output.append(literal: "\\n")
      case 0x0D: output.append(literal: "\\r")
      case 0x09: output.append(literal: "\\t")
      case 0..<0x20:
        output.append(literal: "\\u00")
        output.append(hexadecimalDigits[Int(byte >> 4)])
        output.append(hexadecimalDigits[Int(byte & 15)])
      default: output.append(byte)
      }
    }
    output.append(UInt8(ascii: "\""))
  }
}

private let hexadecimalDigits = Array("0123456789abcdef".utf8)

extension [UInt8] {
  fileprivate mutating func append(literal: StaticString) {
    append(
      contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }
}
