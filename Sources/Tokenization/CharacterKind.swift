/// What the expressions of tokenizers tell apart.
enum CharacterKind: UInt8, Sendable {
  case other
  case letter
  case number
  case space

  /// The classes of ASCII.
  static let ascii: [CharacterKind] = (UInt8(0)..<128).map { byte in
    switch byte {
    case 0x09...0x0D, 0x20: .space
    case 0x30...0x39: .number
    case 0x41...0x5A, 0x61...0x7A: .letter
    default: .other
    }
  }

  /// The class of a character that is not ASCII.
  @inline(__always)
  static func of(_ value: UInt32) -> CharacterKind { all[Int(value)] }

  /// The classes of all characters, from the library that runs the expressions: its Unicode is
  /// the one that counts. Built when a text first needs it, in some 20 ms.
  private static let all: [CharacterKind] = {
    var kinds = [CharacterKind](repeating: .other, count: 0x110000)
    var text: [UInt8] = []
    text.reserveCapacity(0x110000 * 4)
    for value in UInt32(0)..<0x110000 {
      guard let scalar = Unicode.Scalar(value) else { continue }
      text.append(contentsOf: UTF8.encode(scalar) ?? .init())
    }
    let scratch = Pattern.Scratch()
    text.withUnsafeBufferPointer { text in
      for (expression, kind) in [
        (#"\p{L}+"#, CharacterKind.letter), (#"\p{N}+"#, .number), (#"\s+"#, .space),
      ] {
        // These compile wherever PCRE2 knows Unicode, which the tokenizer's own expressions need.
        guard let pattern = try? Pattern(expression) else { continue }
        pattern.forEachMatch(in: text, scratch: scratch) { match in
          var place = match.lowerBound
          while place < match.upperBound {
            let (value, length) = UTF8Text.value(in: text, at: place)
            kinds[Int(value)] = kind
            place += length
          }
        }
      }
    }
    return kinds
  }()
}
