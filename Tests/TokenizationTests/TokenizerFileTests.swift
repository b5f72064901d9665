import Foundation
import TestSupport
import Testing
import Tokenization

struct TokenizerFileTests {
  private let json: String

  init() throws {
    json = String(decoding: try SampleText.tokenizer(.llama3).json, as: UTF8.self)
  }

  /// The file with one text replaced, which must be there.
  private func error(
    replacing target: String, with replacement: String
  ) throws -> TokenizerError? {
    try #require(json.contains(target))
    let changed = json.replacingOccurrences(of: target, with: replacement)
    do throws(TokenizerError) {
      _ = try Tokenizer(json: Data(changed.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test func `a file cut short anywhere is refused`() throws {
    let bytes = Array(json.utf8)
    for length in stride(from: 0, to: bytes.count - 3, by: 97) {
      #expect(throws: TokenizerError.self, "cut at \(length)") {
        try Tokenizer(json: Data(bytes[..<length]))
      }
    }
  }

  @Test func `a damaged file is read or refused and never ends the process`() throws {
    let bytes = Array(json.utf8)
    for seed in UInt64(1)...150 {
      var random = SplitMix64(seed: seed)
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        damaged[place] = UInt8.random(in: 0...255, using: &random)
      }
      if let tokenizer = try? Tokenizer(json: Data(damaged)) {
        let text = SampleText.random(length: 50, using: &random)
        _ = tokenizer.decode(tokenizer.encode(text))
      }
    }
  }

  @Test func `what is not supported is refused by its name`() throws {
    let cases = [
      (
        #""normalizer": null"#, #""normalizer": {"type":"Precompiled"}"#, "normalizer Precompiled"
      ),
      (
        #""normalizer": null"#,
        #""normalizer": {"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Lowercase"}]}"#,
        "normalizer Lowercase"
      ),
      (
        #""normalizer": null"#,
        #""normalizer": {"type":"Replace","pattern":{"String":"a"},"content":""#
          + String(repeating: "b", count: 99) + #""}"#,
        "normalizer Replace: a text that grows more than 64-fold"
      ),
      (#""dropout": null"#, #""dropout": 0.1"#, "model.dropout"),
      (
        #""end_of_word_suffix": null"#, #""end_of_word_suffix": "</w>""#, "model.end_of_word_suffix"
      ),
      (#""type": "BPE""#, #""type": "WordPiece""#, "model WordPiece"),
      (#""type":"Split""#, #""type":"UnicodeScripts""#, "pre_tokenizer UnicodeScripts"),
      (#"\\p{N}{1,3}"#, #"\\p{N}{1,3}\\R"#, "\\R in the expression at character 64"),
      (
        #""decoder": {"type":"ByteLevel""#, #""decoder": {"type":"CTC""#,
        "decoder CTC"
      ),
      (
        #""post_processor": null"#, #""post_processor": {"type":"Other"}"#, "post_processor Other"
      ),
    ]
    for (target, replacement, feature) in cases {
      #expect(try error(replacing: target, with: replacement) == .unsupported(feature: feature))
    }
  }

  @Test func `a contradiction is named with its field`() throws {
    #expect(
      try error(replacing: #""a": "#, with: #""a": 999"#)
        == .malformed(field: "model.vocab", expected: "ids from 0 on without wide gaps"))
    #expect(
      try error(replacing: #""merges": ["#, with: #""merges": [["q", "zzz"],"#)
        == .malformed(field: "model.merges[0]", expected: "tokens of the vocabulary"))
    #expect(
      try error(replacing: #""merges": ["#, with: #""merges": [["q"],"#)
        == .malformed(field: "model.merges[0]", expected: "two tokens"))
    #expect(
      try error(replacing: #""truncation": null"#, with: #""decoder": null"#)
        == .malformed(field: "decoder", expected: "one such field"))
    #expect(
      try error(replacing: #""content":"<|pad|>""#, with: #""content":"<|endoftext|>""#)
        == .malformed(field: "model.vocab", expected: "one id a token (<|endoftext|>)"))
  }

  @Test func `a broken expression is named with its place`() throws {
    let error = try error(replacing: #"[^\\r\\n"#, with: #"([^\\r\\n"#)
    guard case .pattern(let offset, let reason) = error else {
      Issue.record("expected a pattern error, not \(String(describing: error))")
      return
    }
    #expect(offset > 0)
    #expect(reason.contains("parenthes"))
  }

  @Test func `merges are read as pairs and as texts`() throws {
    let tokenizer = try Tokenizer(json: Data(json.utf8))
    let asTexts = json.replacing(/\["([^" ]+)", "([^" ]+)"\]/) { "\"\($0.1) \($0.2)\"" }
    #expect(asTexts != json)
    let other = try Tokenizer(json: Data(asTexts.utf8))
    #expect(other.encode(SampleText.prose) == tokenizer.encode(SampleText.prose))
  }

  @Test func `added tokens go on after the vocabulary, whatever ids the file gives`() throws {
    let plain = try Tokenizer(json: Data(json.utf8))
    let added = #"""
      "added_tokens": [{"id": 900, "content": "<new>", "special": true},
      {"id": 7, "content": "<newer>", "special": true},
      """#
    let changed = json.replacing(/"added_tokens": \[/) { _ in added }
    #expect(changed != json)
    let tokenizer = try Tokenizer(json: Data(changed.utf8))
    let count = Int32(plain.vocabularySize)
    #expect(tokenizer.id(of: "<new>") == count)
    #expect(tokenizer.id(of: "<newer>") == count + 1)
    #expect(tokenizer.id(of: "<|pad|>") == plain.id(of: "<|pad|>"))
  }

  @Test func `a missing file is named`() {
    let url = URL(filePath: "/no/such/tokenizer.json")
    #expect {
      try Tokenizer(contentsOf: url)
    } throws: { error in
      guard case .unavailable(let path, _) = error as? TokenizerError else { return false }
      return path == url.path
    }
  }
}
