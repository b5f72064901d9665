import Foundation
import TestSupport
import Testing
import Tokenization

struct BytePairTrainerTests {
  /// The definition: count all pairs anew before each merge.
  private func merges(of words: [String], count: Int) -> [[String]] {
    var words = words.map { $0.unicodeScalars.map { String($0) } }
    // Ids order ties: bytes by their character, then tokens as they were made.
    var order: [String: Int] = [:]
    for scalar in UInt32(0x21)..<0x144 {
      order[Unicode.Scalar(scalar).map { String($0) } ?? "?"] = order.count
    }
    var result: [[String]] = []
    while result.count < count {
      var counts: [[String]: Int] = [:]
      for word in words {
        for (left, right) in zip(word, word.dropFirst()) { counts[[left, right], default: 0] += 1 }
      }
      let best = counts.max { a, b in
        let ids = { (pair: [String]) in pair.map { order[$0] ?? 0 } }
        return a.value != b.value
          ? a.value < b.value : ids(b.key).lexicographicallyPrecedes(ids(a.key))
      }
      guard let pair = best?.key else { return result }
      result.append(pair)
      if order[pair.joined()] == nil { order[pair.joined()] = order.count }
      for index in words.indices {
        var place = 0
        while place + 1 < words[index].count {
          if words[index][place] == pair[0], words[index][place + 1] == pair[1] {
            words[index].replaceSubrange(place...place + 1, with: [pair.joined()])
          }
          place += 1
        }
      }
    }
    return result
  }

  @Test func `finds the merges of the definition`() throws {
    var random = SplitMix64(seed: 3)
    let words = (0..<400).map { _ in
      String(
        (0..<Int.random(in: 1...9, using: &random)).map { _ in
          "abcd".randomElement(using: &random) ?? "a"
        })
    }
    let tokenizer = try BytePairTrainer(
      vocabularySize: 256 + 60, specialTokens: [], preTokenization: .digits
    ).train(words)
    #expect(try Self.merges(in: tokenizer) == merges(of: words, count: 60))
  }

  private static func merges(in tokenizer: Tokenizer) throws -> [[String]] {
    struct File: Decodable {
      struct Model: Decodable { let merges: [[String]] }
      let model: Model
    }
    return try JSONDecoder().decode(File.self, from: tokenizer.json).model.merges
  }

  @Test(arguments: PreTokenization.allCases)
  func `the same text gives the same file`(rule: PreTokenization) throws {
    #expect(try SampleText.tokenizer(rule).json == SampleText.tokenizer(rule).json)
  }

  @Test func `too little text gives a smaller vocabulary`() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 1000, specialTokens: []).train(["aab aab"])
    #expect(tokenizer.vocabularySize == 256 + 3)
    #expect(tokenizer.encode("aab aab").count == 2)
  }

  @Test func `special tokens in the text are not learned from`() throws {
    let trainer = BytePairTrainer(vocabularySize: 300, specialTokens: ["<|endoftext|>"])
    let tokenizer = try trainer.train([String(repeating: "<|endoftext|>", count: 50) + "ab"])
    #expect(tokenizer.vocabularySize == 258)
  }

  @Test func `what cannot be trained is refused`() {
    #expect(throws: TokenizerError.vocabularyTooSmall(asked: 256, minimum: 257)) {
      try BytePairTrainer(vocabularySize: 256, specialTokens: ["<s>"]).train(["text"])
    }
    #expect(throws: TokenizerError.specialToken("a")) {
      try BytePairTrainer(vocabularySize: 400, specialTokens: ["a"]).train(["text"])
    }
    #expect(throws: TokenizerError.emptyCorpus) {
      try BytePairTrainer(vocabularySize: 400, specialTokens: ["<s>"]).train(["", "<s>"])
    }
  }

  @Test func `progress reaches what is wanted`() throws {
    var last = (found: 0, wanted: 0)
    _ = try BytePairTrainer(vocabularySize: 300, specialTokens: [])
      .train([SampleText.prose]) { last = (found: $0, wanted: $1) }
    #expect(last == (found: 44, wanted: 44))
  }
}
