package import Tokenization

/// A JSON value in memory, read strictly: RFC 8259, no name twice in an object.
package indirect enum JSONTree: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case text(String)
  case list([JSONTree])
  case object([String: JSONTree])

  /// Reads one JSON text.
  ///
  /// - Throws: the first byte that breaks the rules.
  package init(_ text: String) throws(JSONSyntaxError) {
    var reader = JSONReader(Array(text.utf8))
    self = try Self.read(&reader)
    try reader.end()
  }

  private static func read(_ reader: inout JSONReader) throws(JSONSyntaxError) -> JSONTree {
    switch try reader.peek() {
    case .null:
      _ = try reader.null()
      return .null
    case .bool: return .bool(try reader.bool())
    case .string: return .text(try reader.string())
    case .number:
      let position = reader.position
      guard let number = Double(try reader.number()), number.isFinite else {
        throw JSONSyntaxError(byte: position, expected: "a number that fits a double")
      }
      return .number(number)
    case .array:
      var items: [JSONTree] = []
      try reader.beginArray()
      while try reader.nextElement() { items.append(try read(&reader)) }
      return .list(items)
    case .object:
      var members: [String: JSONTree] = [:]
      try reader.beginObject()
      while let name = try reader.nextKey() {
        let position = reader.position
        guard members.updateValue(try read(&reader), forKey: name) == nil else {
          throw JSONSyntaxError(byte: position, expected: "\(name) once in its object")
        }
      }
      return .object(members)
    }
  }
}
