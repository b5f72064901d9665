import TestSupport
import Tokenization

/// Text for the tests of this target.
enum SampleText {
  static let prose = """
    It's the 21st of March, isn't it? We'll meet at 14:30 — or 15:45 — in the café; they've
    booked a table for 12. The cat sat on the mat, the bat sat on the cat, and that was that.
    {"tool":"create_event","arguments":{"title":"café","guests":["Anna","Ben"],"minutes":30}}
    Straße, naïve, 東京, 한국어, مرحبا, 👩‍👩‍👧‍👦🇩🇪, a\u{0301}\u{00E1}\u{180E}\u{0085}\u{00A0}end\t\r\n   x
    """

  /// A tokenizer trained on `prose`.
  static func tokenizer(_ rule: PreTokenization) throws -> Tokenizer {
    try BytePairTrainer(
      vocabularySize: 400, specialTokens: ["<|endoftext|>", "<|pad|>"], preTokenization: rule
    ).train([prose])
  }

  /// Characters of every plane, with many of those that cut text: spaces, digits, signs.
  static func random(length: Int, using random: inout SplitMix64) -> String {
    var text = String.UnicodeScalarView()
    while text.count < length {
      let scalar: Unicode.Scalar? =
        switch Int.random(in: 0..<8, using: &random) {
        case 0: " "
        case 1:
          "\n\t\r\u{85}\u{A0}\u{3000}\u{180E}\u{200B}'".unicodeScalars.randomElement(using: &random)
        case 2: Unicode.Scalar(UInt8.random(in: 0x30...0x39, using: &random))
        case 3, 4: Unicode.Scalar(UInt8.random(in: 0...0x7F, using: &random))
        case 5: Unicode.Scalar(UInt32.random(in: 0x80...0x7FF, using: &random))
        case 6: Unicode.Scalar(UInt32.random(in: 0x800...0xFFFF, using: &random))
        default: Unicode.Scalar(UInt32.random(in: 0x10000...0x10FFFF, using: &random))
        }
      if let scalar { text.append(scalar) }
    }
    return String(text)
  }
}
