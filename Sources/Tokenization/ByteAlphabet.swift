/// The printable character that stands for each byte in a byte-level vocabulary.
///
/// A vocabulary file is text, so bytes that are no printable Latin-1 character are shown as
/// characters from U+0100 on: a space is `Ġ`, a newline `Ċ`. The map is a bijection, and none of
/// its characters combines with another.
///
/// Source: `bytes_to_unicode` in GPT-2's `encoder.py`.
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt32(0)..<256).map { byte in
      let isPrintable =
        (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || (0xAE...0xFF).contains(byte)
      if isPrintable { return Unicode.Scalar(UInt8(byte)) }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? "?"
    }
  }()

  /// The byte of each character below U+0144, the last one used; −1 where there is none.
  private static let byteValues: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
    return table
  }()

  /// The bytes that a token's text stands for.
  ///
  /// A text with a character outside the alphabet (an added token such as `<｜end｜>`) stands for
  /// its own UTF-8, as in Hugging Face's byte-level decoder.
  static func decode(_ token: String) -> [UInt8] { bytes(token) ?? Array(token.utf8) }

  /// The bytes that `token` writes; nil if it has a character outside the alphabet.
  static func bytes(_ token: String) -> [UInt8]? {
    var result: [UInt8] = []
    result.reserveCapacity(token.utf8.count)
    for scalar in token.unicodeScalars {
      guard scalar.value < byteValues.count, byteValues[Int(scalar.value)] >= 0 else { return nil }
      result.append(UInt8(byteValues[Int(scalar.value)]))
    }
    return result
  }

  /// The text that shows `bytes` in a vocabulary file.
  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(scalars[Int(byte)]) }
    return String(text)
  }
}
