import Foundation
import TestSupport
import Testing

@testable import Tokenization  // Where a character may still be completed shows in no text.

struct StreamingDecoderTests {
  @Test func `a character comes out when its last byte is there`() throws {
    let tokenizer = try SampleText.tokenizer(.gpt2)
    var decoder = StreamingDecoder(tokenizer)
    let bytes = Array("é😀".utf8)
    var parts: [String] = []
    for byte in bytes {
      let id = try #require(tokenizer.id(of: ByteAlphabet.encode([byte])))
      parts.append(decoder.append(id))
    }
    #expect(parts == ["", "é", "", "", "", "😀"])
    #expect(decoder.finish() == "")
  }

  @Test func `a broken character shows at once, an incomplete one at the end`() throws {
    let tokenizer = try SampleText.tokenizer(.gpt2)
    func id(_ byte: UInt8) throws -> Int32 {
      try #require(tokenizer.id(of: ByteAlphabet.encode([byte])))
    }
    var decoder = StreamingDecoder(tokenizer)
    #expect(decoder.append(try id(0xE2)) == "")
    #expect(decoder.append(try id(0x41)) == "\u{FFFD}A")
    #expect(decoder.append(try id(0xF0)) == "")
    #expect(decoder.append(try id(0x9F)) == "")
    #expect(decoder.finish() == "\u{FFFD}")
    #expect(decoder.append(-1) == "")
  }

  @Test func `any bytes in any pieces give the text that they give together`() {
    for seed in UInt64(1)...200 {
      var random = SplitMix64(seed: seed)
      let starts: [UInt8] = [0x41, 0x80, 0xBF, 0xC1, 0xC2, 0xE0, 0xE2, 0xED, 0xF0, 0xF4, 0xF5]
      let bytes = (0..<40).map { _ in
        Bool.random(using: &random)
          ? starts.randomElement(using: &random) ?? 0
          : UInt8.random(in: 0x80...0xBF, using: &random)
      }
      var pending: [UInt8] = []
      var text = ""
      for byte in bytes {
        pending.append(byte)
        let end = pending.count - StreamingDecoder.incompleteBytes(at: pending)
        text += String(decoding: pending[..<end], as: UTF8.self)
        pending.removeFirst(end)
      }
      text += String(decoding: pending, as: UTF8.self)
      #expect(text.utf8.elementsEqual(String(decoding: bytes, as: UTF8.self).utf8), "seed \(seed)")
    }
  }
}
