import Testing

@testable import Tokenization  // Normal forms show in no interface of their own.

struct NormalizerTests {
  private func normalized(_ text: String, _ step: Normalizer) -> String {
    String(decoding: Normalizer.apply([step], to: text), as: UTF8.self)
  }

  @Test(arguments: [
    ("e\u{301}tude, noe\u{308}l", "\u{E9}tude, no\u{EB}l"),
    ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}"),
    // A syllable that is there already takes a final.
    ("\u{AC00}\u{11A8}\u{D018}\u{11C2}x\u{AC01}\u{11A8}", "\u{AC01}\u{D033}x\u{AC01}\u{11A8}"),
    ("a\u{301}\u{323}", "\u{1EA1}\u{301}"),
    ("\u{212B}\u{FB40}", "\u{C5}\u{5E0}\u{5BC}"),
    // Marks of a character that is no mark itself.
    ("\u{F72}\u{F73}\u{F74}", "\u{F71}\u{F72}\u{F72}\u{F74}"),
    // Old jamo make no syllable.
    ("\u{1113}\u{116E}\u{11E9}", "\u{1113}\u{116E}\u{11E9}"),
    ("\u{AC00}\u{11A7}", "\u{AC00}\u{11A7}"),
    // Characters whose low bits are those of others that join.
    ("x\u{301}\u{F1F18}\u{301}e\u{301}", "x\u{301}\u{F1F18}\u{301}\u{E9}"),
    // What Hugging Face's tables do not know stays where it is.
    ("a\u{C3C}\u{301}e\u{301}", "a\u{C3C}\u{301}\u{E9}"),
  ])
  func `composed forms are those of Hugging Face`(text: String, composed: String) {
    #expect(normalized(text, .composed).utf8.elementsEqual(composed.utf8))
  }

  @Test(arguments: [
    Normalizer.composed, .decomposed, .compatibilityComposed, .compatibilityDecomposed,
  ])
  func `a hundred marks on one letter are all kept`(form: Normalizer) {
    let marks = String(repeating: "\u{305}", count: 99)
    #expect(
      normalized("x\(marks)\u{344}\u{316}", form).utf8
        .elementsEqual("x\u{316}\(marks)\u{308}\u{301}".utf8))
  }

  @Test func `compatibility forms join across characters`() {
    let text = "\u{10CEA6}\u{FFA9}\u{FFCE}\u{FF2A}"
    #expect(
      normalized(text, .compatibilityComposed).utf8.elementsEqual("\u{10CEA6}\u{B894}J".utf8))
  }

  @Test func `with offsets the text is the same`() {
    for text in ["cafe\u{301} \u{1100}\u{1161}\u{11A8}\u{F1F18}\u{301}", "日本\u{3099}か\u{3099}", ""]
    {
      var text = text
      text.withUTF8 { bytes in
        let plain = Normalizer.apply(
          [.composed], to: AlignedText(bytes, base: 0, isAligned: false))
        let aligned = Normalizer.apply(
          [.composed], to: AlignedText(bytes, base: 0, isAligned: true))
        #expect(plain.bytes == aligned.bytes)
        var end = 0
        for place in aligned.bytes.indices {
          let original = aligned.original(place..<place + 1)
          #expect(original.lowerBound >= end || original.upperBound >= end)
          end = original.upperBound
        }
        #expect(end == bytes.count)
      }
    }
  }
}
