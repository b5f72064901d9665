/// Numbers, and lists of bytes.
extension JSONReader {
  static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

  /// An integer without fraction or exponent that fits 64 bits.
  package mutating func integer() throws(JSONSyntaxError) -> Int {
    let start = position
    guard let value = Int(try number()) else {
      position = start
      throw failure("an integer")
    }
    return value
  }

  /// The text of the next number, checked against JSON's grammar.
  package mutating func number() throws(JSONSyntaxError) -> String {
    _ = nextByte()
    let start = position
    if byteHere == UInt8(ascii: "-") { position += 1 }
    if byteHere == UInt8(ascii: "0") { position += 1 } else { try digits() }
    if byteHere == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if byteHere == UInt8(ascii: "e") || byteHere == UInt8(ascii: "E") {
      position += 1
      if byteHere == UInt8(ascii: "+") || byteHere == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func digits() throws(JSONSyntaxError) {
    let start = position
    while let byte = byteHere, Self.digits.contains(byte) {
      position += 1
    }
    if position == start { throw failure("a digit") }
  }

  /// The next number, rounded to the nearest double.
  package mutating func double() throws(JSONSyntaxError) -> Double {
    _ = nextByte()
    let start = position
    if let (value, end) = plainDecimal() {
      position = end
      return value
    }
    guard let value = Double(try number()), value.isFinite else {
      position = start
      throw failure("a number that a double holds")
    }
    return value
  }

  /// The number that comes next and where it ends, if it has up to 19 digits and no exponent, as
  /// nearly all have; nil leaves it to the general way, which makes a string.
  private func plainDecimal() -> (value: Double, end: Int)? {
    let start = position
    return bytes.withUnsafeBufferPointer { bytes in
      var index = start
      let isNegative = index < bytes.count && bytes[index] == UInt8(ascii: "-")
      if isNegative { index += 1 }
      let first = index
      var mantissa: UInt64 = 0
      var fraction: Int?
      scan: while index < bytes.count {
        switch bytes[index] {
        case Self.digits:
          guard mantissa < 1_000_000_000_000_000_000 else { return nil }
          mantissa = mantissa * 10 + UInt64(bytes[index] - UInt8(ascii: "0"))
        case UInt8(ascii: ".") where fraction == nil && index > first: fraction = index + 1
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): return nil
        default: break scan
        }
        index += 1
      }
      guard index > first, fraction != index,
        bytes[first] != UInt8(ascii: "0") || index == first + 1 || fraction == first + 2,
        let value = Self.quotient(mantissa, decimals: fraction.map { index - $0 } ?? 0)
      else { return nil }
      return (isNegative ? -value : value, index)
    }
  }

  /// `mantissa` / 10^`decimals`, rightly rounded; nil where that takes more than a division.
  private static func quotient(_ mantissa: UInt64, decimals: Int) -> Double? {
    // Both are exact doubles, so that one division rounds rightly (Clinger 1990).
    if mantissa <= 1 << 53, decimals < powersOfTen.count {
      return Double(mantissa) / powersOfTen[decimals]
    }
    #if arch(x86_64)
      // Both are exact in 64 bits of significand up to 10^27. Rounding twice goes wrong only where
      // the first result lies in the middle between two doubles.
      guard decimals < longPowersOfTen.count else { return nil }
      let value = Float80(mantissa) / longPowersOfTen[decimals]
      return value.significandBitPattern & 0x7FF == 0x400 ? nil : Double(value)
    #else
      return nil
    #endif
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
    1e18, 1e19, 1e20, 1e21, 1e22,
  ]

  #if arch(x86_64)
    private static let longPowersOfTen: [Float80] = [
      1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
      1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27,
    ]
  #endif

  /// Appends the elements of an array of whole numbers from 0 to 255, such as `[104,105]`.
  ///
  /// - Returns: false where the next value is anything else, or is written in an unusual way; then
  ///   nothing was read or appended.
  package mutating func bytes(appendingTo list: inout [UInt8]) -> Bool {
    guard nextByte() == UInt8(ascii: "[") else { return false }
    let start = position
    let listCount = list.count
    let end = bytes.withUnsafeBufferPointer { bytes -> Int? in
      // Eight at a time: most lists are the bytes of a word.
      var word: UInt64 = 0
      var count = 0
      func append() {
        withUnsafeBytes(of: word.littleEndian) { list.append(contentsOf: $0.prefix(count)) }
      }
      var index = start + 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "]") { return index + 1 }
      while true {
        while index < bytes.count, bytes[index] == 0x20 { index += 1 }
        let first = index
        var value: UInt64 = 0
        while index < bytes.count, index - first < 3, Self.digits.contains(bytes[index]) {
          value = value * 10 + UInt64(bytes[index] - UInt8(ascii: "0"))
          index += 1
        }
        guard index > first, index < bytes.count, value <= 255,
          bytes[first] != UInt8(ascii: "0") || index == first + 1
        else { return nil }
        word |= value << UInt64(8 * count)
        count += 1
        switch bytes[index] {
        case UInt8(ascii: ","):
          index += 1
          guard count == 8 else { continue }
          append()
          word = 0
          count = 0
        case UInt8(ascii: "]"):
          append()
          return index + 1
        default: return nil
        }
      }
    }
    guard let end else {
      list.removeSubrange(listCount...)
      return false
    }
    position = end
    return true
  }
}
