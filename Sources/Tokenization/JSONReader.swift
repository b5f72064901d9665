/// Where a JSON text breaks RFC 8259, or holds another type than asked.
package struct JSONSyntaxError: Error, Equatable, Sendable {
  /// Offset of the offending byte from the text's start.
  package let byte: Int
  /// What would have been right there.
  package let expected: String

  package init(byte: Int, expected: String) {
    self.byte = byte
    self.expected = expected
  }
}

/// A strict pull reader of one JSON text (RFC 8259).
///
/// The caller asks for what it expects and is told the byte where the text differs. Nothing is
/// built but the strings asked for, so that a vocabulary of 150,000 entries reads at the speed of
/// its bytes.
///
///     try reader.beginObject()
///     while let key = try reader.nextKey() { … read or skip the value … }
package struct JSONReader {
  /// The kind of value that comes next.
  package enum Kind: Equatable, Sendable { case object, array, string, number, bool, null }

  /// Containers inside containers that are followed; a limit against hostile input.
  package static let depthLimit = 64

  let bytes: [UInt8]
  /// Offset of the next byte to read.
  package internal(set) var position = 0
  /// Containers that are open.
  private var depth = 0
  /// A bit for each of them, the innermost lowest: set until its first element was read.
  private var awaitsFirst: UInt64 = 0

  package init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// What the next value is, without reading it.
  package mutating func peek() throws(JSONSyntaxError) -> Kind {
    switch nextByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case let byte? where byte == UInt8(ascii: "-") || Self.digits.contains(byte): return .number
    default: throw failure("a JSON value")
    }
  }

  package mutating func beginObject() throws(JSONSyntaxError) {
    try open(UInt8(ascii: "{"), "an object")
  }

  package mutating func beginArray() throws(JSONSyntaxError) {
    try open(UInt8(ascii: "["), "an array")
  }

  /// The next key of the innermost object; nil when it ends here.
  package mutating func nextKey() throws(JSONSyntaxError) -> String? {
    guard try advance(closing: UInt8(ascii: "}")) else { return nil }
    let key = try string()
    try consume(UInt8(ascii: ":"), "a colon")
    return key
  }

  /// The next key of the innermost object, as its place among `names`, or -1 for any other; nil when
  /// the object ends here. It makes no string, for objects that come by the thousand.
  package mutating func nextKey(among names: JSONKeys) throws(JSONSyntaxError) -> Int? {
    guard try advance(closing: UInt8(ascii: "}")) else { return nil }
    try consume(UInt8(ascii: "\""), "a string")
    if let (place, count) = names.match(in: bytes, at: position) {
      position += count + 1
      try consume(UInt8(ascii: ":"), "a colon")
      return place
    }
    // Any other, or the text's last: names are compared sixteen bytes at a time.
    position -= 1
    let key = try string()
    try consume(UInt8(ascii: ":"), "a colon")
    return names.place(of: key) ?? -1
  }

  /// Appends the next string's UTF-8, its escapes resolved, to `text`; it makes no string.
  package mutating func string(appendingTo text: inout [UInt8]) throws(JSONSyntaxError) {
    try consume(UInt8(ascii: "\""), "a string")
    let start = position
    position = plainEnd(from: start)
    bytes.withUnsafeBufferPointer { text.append(contentsOf: $0[start..<position]) }
    if byteHere != UInt8(ascii: "\"") { try escapedRest(of: &text) }
    position += 1
  }

  /// Whether the innermost array has another element, which comes next.
  package mutating func nextElement() throws(JSONSyntaxError) -> Bool {
    try advance(closing: UInt8(ascii: "]"))
  }

  /// Reads `null` if it comes next.
  @inline(__always)
  package mutating func null() throws(JSONSyntaxError) -> Bool {
    guard nextByte() == UInt8(ascii: "n") else { return false }
    try literal("null")
    return true
  }

  package mutating func bool() throws(JSONSyntaxError) -> Bool {
    switch nextByte() {
    case UInt8(ascii: "t"):
      try literal("true")
      return true
    case UInt8(ascii: "f"):
      try literal("false")
      return false
    default: throw failure("true or false")
    }
  }

  /// The next string, its escapes resolved.
  package mutating func string() throws(JSONSyntaxError) -> String {
    try consume(UInt8(ascii: "\""), "a string")
    let start = position
    position = plainEnd(from: start)
    var text: [UInt8] = []
    if byteHere != UInt8(ascii: "\"") {
      text = Array(bytes[start..<position])
      try escapedRest(of: &text)
    }
    let end = position
    position += 1
    guard
      let result = String(validating: text.isEmpty ? bytes[start..<end] : text[...], as: UTF8.self)
    else {
      position = start
      throw failure("UTF-8")
    }
    return result
  }

  /// Reads over one value of any kind, checking its syntax.
  package mutating func skipValue() throws(JSONSyntaxError) {
    switch try peek() {
    case .string: _ = try string()
    case .number: _ = try number()
    case .bool: _ = try bool()
    case .null: _ = try null()
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .object:
      try beginObject()
      while try nextKey() != nil { try skipValue() }
    }
  }

  /// Checks that nothing but white space follows.
  package mutating func end() throws(JSONSyntaxError) {
    if nextByte() != nil { throw failure("the end of the text") }
  }

  /// Where, from `start` on, the first byte is that a string cannot hold as it is.
  private func plainEnd(from start: Int) -> Int {
    bytes.withUnsafeBytes { bytes in
      var index = start
      // Eight bytes at a time; of those that are marked the lowest is right, and a subtraction that
      // borrows marks others only above it.
      while index + 8 <= bytes.count {
        let word = UInt64(
          littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let marked =
          ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash
            | (word &- ones &* 0x20) & ~word) & (ones &* 0x80)
        if marked != 0 { return index + marked.trailingZeroBitCount / 8 }
        index += 8
      }
      while index < bytes.count, bytes[index] != UInt8(ascii: "\""),
        bytes[index] != UInt8(ascii: "\\"), bytes[index] >= 0x20
      {
        index += 1
      }
      return index
    }
  }

  var byteHere: UInt8? { position < bytes.count ? bytes[position] : nil }

  func failure(_ expected: String) -> JSONSyntaxError {
    JSONSyntaxError(byte: position, expected: expected)
  }

  @inline(__always)
  mutating func nextByte() -> UInt8? {
    // Most texts have no white space.
    if let byte = byteHere, byte > 0x20 { return byte }
    return nextByteAfterSpace()
  }

  private mutating func nextByteAfterSpace() -> UInt8? {
    while let byte = byteHere, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
    return byteHere
  }

  @inline(__always)
  private mutating func consume(_ byte: UInt8, _ expected: String) throws(JSONSyntaxError) {
    guard nextByte() == byte else { throw failure(expected) }
    position += 1
  }

  private mutating func open(_ byte: UInt8, _ expected: String) throws(JSONSyntaxError) {
    guard nextByte() == byte else { throw failure(expected) }
    guard depth < Self.depthLimit else {
      throw failure("at most \(Self.depthLimit) nested values")
    }
    position += 1
    depth += 1
    awaitsFirst = awaitsFirst << 1 | 1
  }

  @inline(__always)
  private mutating func advance(closing: UInt8) throws(JSONSyntaxError) -> Bool {
    precondition(depth > 0, "begin a container first")
    if nextByte() == closing {
      position += 1
      depth -= 1
      awaitsFirst >>= 1
      return false
    }
    if awaitsFirst & 1 == 1 {
      awaitsFirst &= ~1
    } else {
      try consume(UInt8(ascii: ","), "a comma or the end of the container")
    }
    return true
  }

  private mutating func literal(_ word: StaticString) throws(JSONSyntaxError) {
    for index in 0..<word.utf8CodeUnitCount {
      guard byteHere == word.utf8Start[index] else { throw failure("\(word)") }
      position += 1
    }
  }

  /// From the first escape on; leaves `position` on the closing quote.
  private mutating func escapedRest(of text: inout [UInt8]) throws(JSONSyntaxError) {
    while true {
      guard let byte = byteHere, byte >= 0x20 else { throw failure("a closing quote") }
      if byte == UInt8(ascii: "\"") { return }
      position += 1
      if byte == UInt8(ascii: "\\") {
        text.append(contentsOf: UTF8.encode(try escape()) ?? .init())
      } else {
        text.append(byte)
      }
    }
  }

  private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar {
    guard let byte = byteHere else { throw failure("an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try codeUnit()
      if let scalar = Unicode.Scalar(unit) { return scalar }
      try literal("\\u")
      let low = try codeUnit()
      guard unit < 0xDC00, (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
      else { throw failure("a surrogate pair") }
      return scalar
    default:
      position -= 1
      throw failure("one of \" \\ / b f n r t u")
    }
  }

  private mutating func codeUnit() throws(JSONSyntaxError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = byteHere, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw failure("four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}
