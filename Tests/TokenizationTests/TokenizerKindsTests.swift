import Foundation
import TestSupport
import Testing
import Tokenization

/// Tokenizers of every kind, with what Hugging Face's `tokenizers` makes of the same texts.
///
/// `bench/compare_tokenizers.py fixtures` writes the file; its `compare` does the same with 100 MB.
struct TokenizerKindsTests {
  private struct Fixtures: Decodable {
    struct Kind: Decodable {
      let name: String
      let tokenizer: String
      let ids: [[Int32]]
      let texts: [String]
      /// The first cases with the special tokens that a model expects.
      let framed: [[Int32]]
    }
    let cases: [String]
    let tokenizers: [Kind]
  }

  private let fixtures: Fixtures

  init() throws {
    let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    let file = folder.deletingLastPathComponent().appending(path: "Fixtures/tokenizers.json")
    fixtures = try JSONDecoder().decode(Fixtures.self, from: Data(contentsOf: file))
  }

  @Test func `ids and texts are those of Hugging Face`() throws {
    for kind in fixtures.tokenizers {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      for (index, text) in fixtures.cases.enumerated() {
        let ids = tokenizer.encode(text)
        #expect(ids == kind.ids[index], "\(kind.name): \(text.debugDescription)")
        let decoded = tokenizer.decode(kind.ids[index])
        #expect(
          decoded.utf8.elementsEqual(kind.texts[index].utf8),
          "\(kind.name): \(text.debugDescription)")
      }
      for (text, ids) in zip(fixtures.cases, kind.framed) {
        #expect(tokenizer.encodeWithSpecialTokens(text) == ids, "\(kind.name)")
      }
    }
  }

  @Test func `an answer behind its prompt is what the two are together`() throws {
    for kind in fixtures.tokenizers {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      let prompt = "a fine film\nSentiment:"
      var firsts: Set<[Int32]> = []
      for answer in [" negative", " positive"] {
        let tokens = tokenizer.encodeContinuation(answer)
        #expect(!tokens.isEmpty, "\(kind.name)")
        firsts.insert(tokens)
        // No blank but the answer's own stands between them.
        let both = tokenizer.decode(tokenizer.encode(prompt) + tokens)
        #expect(both == tokenizer.decode(tokenizer.encode(prompt + answer)), "\(kind.name)")
      }
      #expect(firsts.count == 2, "\(kind.name)")
    }
  }

  @Test func `offsets agree with the ids, and never go back`() throws {
    for kind in fixtures.tokenizers {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      for text in fixtures.cases {
        let tokens = tokenizer.encodeWithOffsets(text)
        #expect(tokens.map(\.id) == tokenizer.encode(text), "\(kind.name)")
        var end = 0
        for token in tokens {
          #expect(token.bytes.lowerBound >= end, "\(kind.name): \(text.debugDescription)")
          end = token.bytes.upperBound
        }
        #expect(end <= text.utf8.count, "\(kind.name)")
      }
    }
  }

  @Test func `offsets point at the token's own text`() throws {
    for kind in fixtures.tokenizers where ["llama2", "phi3", "gemma"].contains(kind.name) {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      let text = "The cat — 日本 sat"
      let bytes = Array(text.utf8)
      let tokens = tokenizer.encodeWithOffsets(text)
      var spelled: [UInt8] = []
      for token in tokens { spelled += bytes[token.bytes] }
      #expect(spelled == bytes, "\(kind.name)")
      for token in tokens.dropFirst() where !token.bytes.isEmpty {
        #expect(Array(tokenizer.bytes(of: token.id)) == Array(bytes[token.bytes]), "\(kind.name)")
      }
    }
  }

  @Test func `random Unicode comes back where no character is unknown`() throws {
    let lossless = ["gpt2", "llama3", "deepseek3", "smollm", "gpt4o", "llama2", "gemma"]
    for kind in fixtures.tokenizers where lossless.contains(kind.name) {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      for seed in UInt64(1)...4 {
        var random = SplitMix64(seed: seed)
        let text = SampleText.random(length: 60, using: &random)
          .replacingOccurrences(of: "\u{2581}", with: "")
        let decoded = tokenizer.decode(tokenizer.encode(text))
        #expect(decoded.utf8.elementsEqual(text.utf8), "\(kind.name), seed \(seed)")
      }
    }
  }

  @Test func `a stream gives the same text, character by character`() throws {
    for kind in fixtures.tokenizers {
      let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
      for text in fixtures.cases {
        let ids = tokenizer.encode(text)
        var decoder = StreamingDecoder(tokenizer)
        var streamed = ""
        for id in ids { streamed += decoder.append(id) }
        streamed += decoder.finish()
        #expect(
          streamed.utf8.elementsEqual(tokenizer.decode(ids).utf8),
          "\(kind.name): \(text.debugDescription)")
      }
    }
  }

  @Test func `documents are encoded alike by any number of threads`() throws {
    let kind = try #require(fixtures.tokenizers.first { $0.name == "llama2" })
    let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
    let documents = Array(repeating: fixtures.cases, count: 5).flatMap(\.self)
    #expect(tokenizer.encode(documents, threads: 4) == documents.map { tokenizer.encode($0) })
  }

  @Test func `special tokens can be left out of a text`() throws {
    let kind = try #require(fixtures.tokenizers.first { $0.name == "phi3" })
    let tokenizer = try Tokenizer(json: Data(kind.tokenizer.utf8))
    let ids = tokenizer.encode("<s>Hello</s>")
    #expect(tokenizer.decode(ids).contains("<s>"))
    #expect(tokenizer.decodeWithoutSpecialTokens(ids).contains("Hello"))
    #expect(!tokenizer.decodeWithoutSpecialTokens(ids).contains("<s>"))
  }
}
