/// A value that a chat template sees: JSON, with objects in the order of their members.
package enum TemplateValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([TemplateValue])
  case object([Member])

  /// A name and its value; where a name comes twice, the last one counts.
  package struct Member: Equatable, Sendable {
    package let name: String
    package let value: TemplateValue

    package init(_ name: String, _ value: TemplateValue) {
      self.name = name
      self.value = value
    }
  }

  /// Reads one JSON text.
  ///
  /// - Throws: the first byte that breaks the rules.
  package init(json: some Sequence<UInt8>) throws(JSONSyntaxError) {
    var reader = JSONReader(Array(json))
    try self.init(&reader)
    try reader.end()
  }

  /// Reads the next value of `reader`, of any kind.
  init(_ reader: inout JSONReader) throws(JSONSyntaxError) {
    switch try reader.peek() {
    case .null:
      _ = try reader.null()
      self = .null
    case .bool: self = .bool(try reader.bool())
    case .string: self = .string(try reader.string())
    case .number:
      let position = reader.position
      let text = try reader.number()
      if let integer = Int(text), text != "-0" {
        self = .int(integer)
      } else if let number = Double(text), number.isFinite, text.contains(where: ".eE".contains) {
        self = .double(number)
      } else if text == "-0" {
        self = .int(0)
      } else {
        throw JSONSyntaxError(byte: position, expected: "a number that fits 64 bits")
      }
    case .array:
      var items: [TemplateValue] = []
      try reader.beginArray()
      while try reader.nextElement() { items.append(try TemplateValue(&reader)) }
      self = .array(items)
    case .object:
      var members: [Member] = []
      try reader.beginObject()
      while let name = try reader.nextKey() {
        members.append(Member(name, try TemplateValue(&reader)))
      }
      self = .object(members)
    }
  }

  /// The last member of that name; nil where there is none, and for other kinds.
  package subscript(name: String) -> TemplateValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
  }

  /// The text of a string; nil for other kinds.
  package var text: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByNilLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }

  package init(booleanLiteral value: Bool) { self = .bool(value) }

  package init(integerLiteral value: Int) { self = .int(value) }

  package init(arrayLiteral elements: TemplateValue...) { self = .array(elements) }

  package init(dictionaryLiteral elements: (String, TemplateValue)...) {
    self = .object(elements.map { Member($0.0, $0.1) })
  }

  package init(nilLiteral: ()) { self = .null }
}
