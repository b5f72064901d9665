/// Characters in valid UTF-8.
enum UTF8Text {
  /// The character that begins at `place`, and its length in bytes.
  @inline(__always)
  static func scalar(
    in text: UnsafeBufferPointer<UInt8>, at place: Int
  ) -> (scalar: Unicode.Scalar, length: Int) {
    let (value, length) = value(in: text, at: place)
    return (Unicode.Scalar(value) ?? "\u{FFFD}", length)
  }

  /// The same as a number.
  @inline(__always)
  static func value(
    in text: UnsafeBufferPointer<UInt8>, at place: Int
  ) -> (value: UInt32, length: Int) {
    let first = UInt32(text[place])
    if first < 0x80 { return (first, 1) }
    let second = UInt32(text[place + 1]) & 0x3F
    if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
    let third = UInt32(text[place + 2]) & 0x3F
    if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
    let fourth = UInt32(text[place + 3]) & 0x3F
    return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
  }
}
