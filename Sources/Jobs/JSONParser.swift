/// Why a text is not JSON that this program reads.
package struct JSONError: Error, Equatable, Sendable {
  /// Where, in bytes from the start.
  package let byteOffset: Int
  package let reason: Reason

  /// - Parameters: as the properties.
  package init(byteOffset: Int, reason: Reason) {
    self.byteOffset = byteOffset
    self.reason = reason
  }

  /// What is wrong, for a person.
  package enum Reason: String, Equatable, Sendable {
    case unexpectedEnd = "the text ends too early"
    case unexpectedByte = "this character cannot stand here"
    case invalidNumber = "this is not a number that JSON has"
    case numberOutOfRange = "this number is too large"
    case invalidEscape = "this escape is not one that JSON has"
    case controlCharacter = "control characters in strings must be escaped"
    case invalidUTF8 = "this is not UTF-8"
    case duplicateKey = "this key stands in the object twice"
    case tooDeep = "arrays and objects are nested too deeply"
    case trailingText = "there is more text after the value"
  }

  /// For a person.
  package var detail: String { "byte \(byteOffset): \(reason.rawValue)" }
}

extension JSONValue {
  /// Reads JSON (RFC 8259) strictly.
  ///
  /// Refused beyond the grammar: keys that stand in an object twice, integers beyond 64 bits,
  /// numbers that overflow to infinity, and nesting deeper than `depthMax`.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8.
  ///   - depthMax: arrays and objects within each other, 1 or more.
  /// - Throws: the first fault and its place.
  package init(parsing bytes: [UInt8], depthMax: Int = 64) throws(JSONError) {
    self = try bytes.withUnsafeBufferPointer { buffer throws(JSONError) in
      var parser = JSONParser(bytes: buffer, depthMax: depthMax)
      return try parser.document()
    }
  }

  /// Reads JSON from a string, as `init(parsing:depthMax:)` does from bytes.
  package init(parsing text: String, depthMax: Int = 64) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), depthMax: depthMax)
  }
}

private struct JSONParser {
  let bytes: UnsafeBufferPointer<UInt8>
  let depthMax: Int
  var position = 0
  var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>, depthMax: Int) {
    self.bytes = bytes
    self.depthMax = depthMax
  }

  mutating func document() throws(JSONError) -> JSONValue {
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw fault(.trailingText) }
    return value
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipSpace()
    guard position < bytes.count else { throw fault(.unexpectedEnd) }
    switch bytes[position] {
    case UInt8(ascii: "{"): return try nested { parser throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), 0x30...0x39: return try number()
    default: throw fault(.unexpectedByte)
    }
  }

  private mutating func nested(
    _ body: (inout JSONParser) throws(JSONError) -> JSONValue
  ) throws(JSONError) -> JSONValue {
    guard depth < depthMax else { throw fault(.tooDeep) }
    depth += 1
    position += 1
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func object() throws(JSONError) -> JSONValue {
    var object = JSONObject()
    // Linear search for a twice given key costs less than hashing while objects are small, and
    // must not become quadratic when they are not.
    var seen: Set<String> = []
    skipSpace()
    if take(UInt8(ascii: "}")) { return .object(object) }
    while true {
      skipSpace()
      let start = position
      guard position < bytes.count else { throw fault(.unexpectedEnd) }
      guard bytes[position] == UInt8(ascii: "\"") else { throw fault(.unexpectedByte) }
      let key = try string()
      if object.count == 16 { seen = Set(object.map(\.0)) }
      let isNew = object.count < 16 ? object[key] == nil : seen.insert(key).inserted
      guard isNew else { throw JSONError(byteOffset: start, reason: .duplicateKey) }
      skipSpace()
      try expect(UInt8(ascii: ":"))
      object.append(key: key, value: try value())
      skipSpace()
      if take(UInt8(ascii: "}")) { return .object(object) }
      try expect(UInt8(ascii: ","))
    }
  }

  private mutating func array() throws(JSONError) -> JSONValue {
    var elements: [JSONValue] = []
    skipSpace()
    if take(UInt8(ascii: "]")) { return .array(elements) }
    while true {
      elements.append(try value())
      skipSpace()
      if take(UInt8(ascii: "]")) { return .array(elements) }
      try expect(UInt8(ascii: ","))
    }
  }

  private mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        let text = try text(start..<position)
        position += 1
        return text
      case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
      case 0..<0x20: throw fault(.controlCharacter)
      default: position += 1
      }
    }
    throw fault(.unexpectedEnd)
  }

  private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
    var content = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: content, as: UTF8.self) else {
          throw JSONError(byteOffset: start, reason: .invalidUTF8)
        }
        position += 1
        return text
      case UInt8(ascii: "\\"): try escape(into: &content)
      case 0..<0x20: throw fault(.controlCharacter)
      default:
        content.append(byte)
        position += 1
      }
    }
    throw fault(.unexpectedEnd)
  }

  private mutating func escape(into content: inout [UInt8]) throws(JSONError) {
    let start = position
    position += 1
    guard position < bytes.count else { throw fault(.unexpectedEnd) }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
    case UInt8(ascii: "b"): content.append(0x08)
    case UInt8(ascii: "f"): content.append(0x0C)
    case UInt8(ascii: "n"): content.append(0x0A)
    case UInt8(ascii: "r"): content.append(0x0D)
    case UInt8(ascii: "t"): content.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal()
      if (0xD800..<0xDC00).contains(code) {
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
          throw JSONError(byteOffset: start, reason: .invalidEscape)
        }
        let low = try hexadecimal()
        guard (0xDC00..<0xE000).contains(low) else {
          throw JSONError(byteOffset: start, reason: .invalidEscape)
        }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else {
        throw JSONError(byteOffset: start, reason: .invalidEscape)
      }
      content.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw JSONError(byteOffset: start, reason: .invalidEscape)
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw fault(.unexpectedEnd) }
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue,
        bytes[position] < 0x80
      else { throw fault(.invalidEscape) }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    let isNegative = take(UInt8(ascii: "-"))
    let firstDigit = position
    var integer: Int64 = 0
    var fitsInteger = true
    while let digit = digit() {
      let (product, overflowed) = integer.multipliedReportingOverflow(by: 10)
      // Counted downwards, as -2^63 has no positive twin.
      let (sum, overflowedToo) = product.subtractingReportingOverflow(Int64(digit))
      if overflowed || overflowedToo { fitsInteger = false } else { integer = sum }
    }
    let digitCount = position - firstDigit
    guard digitCount == 1 || digitCount > 1 && bytes[firstDigit] != 0x30 else {
      throw JSONError(byteOffset: start, reason: .invalidNumber)
    }
    var isInteger = true
    if take(UInt8(ascii: ".")) {
      isInteger = false
      guard digit() != nil else { throw fault(.invalidNumber) }
      while digit() != nil {}
    }
    if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
      isInteger = false
      if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
      guard digit() != nil else { throw fault(.invalidNumber) }
      while digit() != nil {}
    }
    if isInteger {
      guard fitsInteger, isNegative || integer != .min else {
        throw JSONError(byteOffset: start, reason: .numberOutOfRange)
      }
      return .int(isNegative ? integer : -integer)
    }
    guard let value = Double(try text(start..<position)), value.isFinite else {
      throw JSONError(byteOffset: start, reason: .numberOutOfRange)
    }
    return .double(value)
  }

  private mutating func digit() -> UInt8? {
    guard position < bytes.count, (0x30...0x39).contains(bytes[position]) else { return nil }
    position += 1
    return bytes[position - 1] - 0x30
  }

  private mutating func word(
    _ word: StaticString, _ value: JSONValue
  ) throws(JSONError)
    -> JSONValue
  {
    for offset in 0..<word.utf8CodeUnitCount {
      guard position < bytes.count else { throw fault(.unexpectedEnd) }
      guard bytes[position] == word.utf8Start[offset] else { throw fault(.unexpectedByte) }
      position += 1
    }
    return value
  }

  private func text(_ range: Range<Int>) throws(JSONError) -> String {
    guard
      let text = String(validating: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    else { throw JSONError(byteOffset: range.lowerBound, reason: .invalidUTF8) }
    return text
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x0A, 0x0D, 0x09: position += 1
      default: return
      }
    }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ byte: UInt8) throws(JSONError) {
    guard position < bytes.count else { throw fault(.unexpectedEnd) }
    guard take(byte) else { throw fault(.unexpectedByte) }
  }

  private func fault(_ reason: JSONError.Reason) -> JSONError {
    JSONError(byteOffset: position, reason: reason)
  }
}
