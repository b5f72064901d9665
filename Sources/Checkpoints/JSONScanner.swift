/// A strict reader for the small JSON that safetensors headers and indexes hold.
///
/// It walks the bytes once, allocates only what it returns, never recurses deeper than
/// `depthLimit`, and reports the position of the first byte that does not fit. A general parser
/// would accept duplicate names silently, which a hostile header could use.
struct JSONScanner {
  /// What every method throws: `.malformed` with the first byte that does not fit.
  typealias Problem = SafetensorsError.Problem

  private let bytes: UnsafeRawBufferPointer
  /// The next byte, counted from the start of the JSON.
  private var position = 0
  private let firstByte: Int
  private static let depthLimit = 32

  /// - Parameter firstByte: where the JSON starts in its file, for error messages.
  init(_ bytes: UnsafeRawBufferPointer, firstByte: Int) {
    self.bytes = bytes
    self.firstByte = firstByte
  }

  /// Calls `member` for each name of an object; `member` reads the value.
  mutating func object(
    _ member: (inout JSONScanner, String) throws(Problem) -> Void
  ) throws(Problem) {
    try expect("{")
    if take("}") { return }
    while true {
      let name = try string()
      try expect(":")
      try member(&self, name)
      if take(",") { continue }
      try expect("}", or: ",")
      return
    }
  }

  /// Reads an array of numbers from 0 to 2^63-1.
  mutating func counts(limit: Int) throws(Problem) -> [Int] {
    try expect("[")
    var result: [Int] = []
    if take("]") { return result }
    while true {
      guard result.count < limit else { throw mismatch("at most \(limit) numbers") }
      result.append(try count())
      if take(",") { continue }
      try expect("]", or: ",")
      return result
    }
  }

  /// Reads a number from 0 to 2^63-1.
  mutating func count() throws(Problem) -> Int {
    skipSpace()
    let start = position
    var value = 0
    while position < bytes.count, case let digit = Int(bytes[position]) - 48, 0...9 ~= digit {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(digit)
      guard !overflow, !carry else { throw mismatch("a number below 2^63") }
      value = sum
      position += 1
    }
    guard position > start else { throw mismatch("a whole number, 0 or more") }
    guard position == start + 1 || bytes[start] != 48 else {
      position = start
      throw mismatch("a number without leading zeros")
    }
    return value
  }

  /// Reads a string, with its escapes.
  mutating func string() throws(Problem) -> String {
    try expect("\"")
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\""):
        let raw = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        guard let text = String(validating: raw, as: UTF8.self) else {
          position = start
          throw mismatch("UTF-8 text")
        }
        position += 1
        return text
      case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
      case 0..<32: throw mismatch("no control character in a string")
      default: position += 1
      }
    }
    throw mismatch("a closing quote")
  }

  /// Steps over any value.
  mutating func skipValue(depth: Int = 0) throws(Problem) {
    guard depth < Self.depthLimit else {
      throw mismatch("nesting of at most \(Self.depthLimit) levels")
    }
    skipSpace()
    guard position < bytes.count else { throw mismatch("a value") }
    switch bytes[position] {
    case UInt8(ascii: "\""): _ = try string()
    case UInt8(ascii: "{"):
      position += 1
      if take("}") { return }
      repeat {
        _ = try string()
        try expect(":")
        try skipValue(depth: depth + 1)
      } while take(",")
      try expect("}", or: ",")
    case UInt8(ascii: "["):
      position += 1
      if take("]") { return }
      repeat { try skipValue(depth: depth + 1) } while take(",")
      try expect("]", or: ",")
    default:
      let start = position
      while position < bytes.count, Self.isPlain(bytes[position]) { position += 1 }
      guard position > start else { throw mismatch("a value") }
    }
  }

  /// Requires that only white space is left.
  mutating func end() throws(Problem) {
    skipSpace()
    guard position == bytes.count else { throw mismatch("nothing after the closing brace") }
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func skipSpace() {
    while position < bytes.count, [32, 9, 10, 13].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(
    _ character: Unicode.Scalar, or alternative: Unicode.Scalar? = nil
  ) throws(Problem) {
    guard !take(character) else { return }
    let other = alternative.map { " or \($0)" } ?? ""
    throw mismatch("\(character)\(other)")
  }

  /// What to throw when the next byte is not `expected`.
  func mismatch(_ expected: String) -> Problem {
    .malformed(byte: firstByte + position, expected: expected)
  }

  private mutating func stringWithEscapes(from start: Int) throws(Problem) -> String {
    var units = Array(bytes[start..<position])
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: units, as: UTF8.self) else {
          throw mismatch("UTF-8 text")
        }
        return text
      case UInt8(ascii: "\\"): try units.append(contentsOf: escape())
      case 0..<32: throw mismatch("no control character in a string")
      default: units.append(byte)
      }
    }
    throw mismatch("a closing quote")
  }

  private mutating func escape() throws(Problem) -> [UInt8] {
    guard position < bytes.count else { throw mismatch("an escape") }
    let kind = bytes[position]
    position += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"):
      let first = try hexadecimal()
      var units = [first]
      if UTF16.isLeadSurrogate(first) {
        guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
          bytes[position + 1] == UInt8(ascii: "u")
        else { throw mismatch("the second half of a surrogate pair") }
        position += 2
        units.append(try hexadecimal())
      }
      guard let text = String(validating: units, as: UTF16.self) else {
        throw mismatch("a Unicode character")
      }
      return Array(text.utf8)
    default: throw mismatch("an escape that JSON knows")
    }
  }

  private mutating func hexadecimal() throws(Problem) -> UInt16 {
    guard position + 4 <= bytes.count else { throw mismatch("four hexadecimal digits") }
    var value: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
        throw mismatch("a hexadecimal digit")
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }
}
