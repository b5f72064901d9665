import Foundation
import TestSupport
import Testing
import Tokenization

struct TokenizerTests {
  @Test(arguments: PreTokenization.allCases)
  func `random Unicode comes back byte for byte`(rule: PreTokenization) throws {
    let tokenizer = try SampleText.tokenizer(rule)
    for seed in UInt64(1)...60 {
      var random = SplitMix64(seed: seed)
      let text = SampleText.random(length: Int(seed) * 4, using: &random)
      let ids = tokenizer.encode(text)
      #expect(Array(tokenizer.decode(ids).utf8) == Array(text.utf8), "seed \(seed)")
    }
  }

  @Test(arguments: PreTokenization.allCases)
  func `offsets cover the text without gaps and agree with the ids`(rule: PreTokenization) throws {
    let tokenizer = try SampleText.tokenizer(rule)
    let text = SampleText.prose + "<|endoftext|>" + SampleText.prose
    let tokens = tokenizer.encodeWithOffsets(text)
    let bytes = Array(text.utf8)
    #expect(tokens.map(\.id) == tokenizer.encode(text))
    var end = 0
    for token in tokens {
      #expect(token.bytes.lowerBound == end)
      #expect(Array(tokenizer.bytes(of: token.id)) == Array(bytes[token.bytes]))
      end = token.bytes.upperBound
    }
    #expect(end == bytes.count)
  }

  @Test func `digits stand alone where the rule says so`() throws {
    let tokenizer = try SampleText.tokenizer(.digits)
    let numbers = tokenizer.encode("at 14:30, 1234").map(tokenizer.string(of:))
    #expect(
      numbers.filter { $0.contains(where: \.isNumber) } == ["1", "4", "3", "0", "1", "2", "3", "4"])
  }

  @Test func `added tokens are found in the text and none is added`() throws {
    let tokenizer = try SampleText.tokenizer(.digits)
    let end = try #require(tokenizer.endOfText)
    #expect(end == 0)
    #expect(tokenizer.encode("<|endoftext|>") == [0])
    #expect(tokenizer.encode("<|pad|><|endoftext|>") == [1, 0])
    #expect(!tokenizer.encode("<|endoftext").contains(0))
    #expect(tokenizer.encode("") == [])
    #expect(tokenizer.id(of: "<|pad|>") == 1)
    #expect(tokenizer.id(of: "no such token") == nil)
  }

  @Test func `ids that are no token decode to nothing`() throws {
    let tokenizer = try SampleText.tokenizer(.gpt2)
    #expect(tokenizer.decode([-1, 400, .max, .min]) == "")
    #expect(tokenizer.string(of: -1) == "")
    #expect(tokenizer.bytes(of: Int32(tokenizer.vocabularySize)).isEmpty)
  }

  @Test func `a written file reads back as the same tokenizer`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let tokenizer = try SampleText.tokenizer(.llama3)
    let url = folder.appending(path: "tokenizer.json")
    try tokenizer.write(to: url)
    let copy = try Tokenizer(contentsOf: url)
    #expect(copy.sha256 == tokenizer.sha256)
    #expect(copy.sha256.count == 64)
    #expect(copy.encode(SampleText.prose) == tokenizer.encode(SampleText.prose))
  }

  @Test func `long pieces take the queue and stay fast`() throws {
    let tokenizer = try SampleText.tokenizer(.gpt2)
    let text = String(repeating: "thecatsatonthemat", count: 20_000)
    #expect(tokenizer.decode(tokenizer.encode(text)) == text)
  }

  @Test func `threads share a tokenizer`() async throws {
    let tokenizer = try SampleText.tokenizer(.digits)
    let expected = tokenizer.encode(SampleText.prose)
    await withTaskGroup(of: [Int32].self) { group in
      for _ in 0..<16 { group.addTask { tokenizer.encode(SampleText.prose) } }
      for await ids in group { #expect(ids == expected) }
    }
  }
}
