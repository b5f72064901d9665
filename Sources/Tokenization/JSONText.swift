/// JSON strings, written.
package enum JSONText {
  /// `text` as a JSON string with its quotes; only what JSON forbids is escaped.
  package static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    append(quoted: text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends `text` as a JSON string with its quotes, in UTF-8.
  package static func append(quoted text: String, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + text.utf8.count + 2)
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += [0x5C, byte]
      case UInt8(ascii: "\\"): bytes += [0x5C, byte]
      case UInt8(ascii: "\n"): bytes += [0x5C, UInt8(ascii: "n")]
      case UInt8(ascii: "\r"): bytes += [0x5C, UInt8(ascii: "r")]
      case UInt8(ascii: "\t"): bytes += [0x5C, UInt8(ascii: "t")]
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        bytes += Array("\\u".utf8) + Array(repeating: UInt8(ascii: "0"), count: 4 - digits.count)
        bytes += Array(digits.utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
