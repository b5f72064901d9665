import Checkpoints
import Corpora
import Distillation
import Foundation
import TestSupport
import Testing
import Tokenization

/// Corpora on the disk, encoded piece by piece.
struct TokenFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Lines, paragraphs, indents, blanks at lines' ends, other scripts, and lines without an end.
  private static func text(seed: UInt64, words: Int) -> String {
    var random = SplitMix64(seed: seed)
    let vocabulary = [
      "the", "cat", "sat", "on", "größer", "世界", "don't", "1234", "x=1;", "🙂", "a\u{301}", "I",
    ]
    let gaps = [" ", " ", " ", " ", "  ", "\n", "\n", " \n", "\n\n", "\n  ", "\r\n", "\t", ""]
    return (0..<words).map { _ in
      vocabulary.randomElement(using: &random)! + gaps.randomElement(using: &random)!
    }.joined()
  }

  private static let tokenizer = BytePairTrainer(
    vocabularySize: 420, specialTokens: ["<|endoftext|>"]
  )

  /// A tokenizer of single bytes with this many entries.
  private static func byteTokenizer(entries: Int) throws -> Tokenizer {
    var names: [String: Int] = ["<|endoftext|>": 256]
    var next: UInt32 = 256
    for byte in 0..<256 as Range<UInt32> {
      let isPrintable = 33...126 ~= byte || 161...172 ~= byte || 174...255 ~= byte
      names[String(UnicodeScalar(isPrintable ? byte : next)!)] = Int(byte)
      if !isPrintable { next += 1 }
    }
    for id in 257..<entries { names["unused\(id)"] = id }
    let file: [String: Any] = [
      "added_tokens": [["id": 256, "content": "<|endoftext|>", "special": true]],
      "pre_tokenizer": ["type": "ByteLevel", "add_prefix_space": false],
      "decoder": ["type": "ByteLevel"],
      "model": ["type": "BPE", "vocab": names, "merges": [String]()],
    ]
    return try Tokenizer(json: JSONSerialization.data(withJSONObject: file))
  }

  private func write(_ text: String, _ name: String) throws -> URL {
    try Data(text.utf8).write(to: folder[name])
    return folder[name]
  }

  /// Encodes a part of what lies at `url`; all of it when no part is named.
  private func encode(
    _ url: URL, _ tokenizer: Tokenizer, part: CorpusPart? = nil, threads: Int = 2,
    pieceBytes: Int = 97, minimumTokens: Int = 2,
    progress: (TokenFileProgress) -> Bool = { _ in true }
  ) throws -> TokenFile {
    let corpus = try #require(try TextCorpus(url))
    let range =
      try part.map { part throws(CorpusError) in
        try corpus.range(of: part, validationFraction: 0.2, testFraction: 0.1)
      } ?? 0..<corpus.bytes
    return try TokenFileWriter(tokenizer: tokenizer, threads: threads, pieceBytes: pieceBytes)
      .write(
        corpus, range: range, source: "test", minimumTokens: minimumTokens, to: "tokens",
        in: folder.url, progress: progress)
  }

  @Test(arguments: CorpusPart.allCases)
  func `the tokens of a text are those of the text as a whole`(part: CorpusPart) throws {
    for seed in 1...20 as ClosedRange<UInt64> {
      let text = Self.text(seed: seed, words: 600)
      let tokenizer = try Self.tokenizer.train([text])
      let url = try write(text, "a.txt")
      guard
        case .text(let whole) = try Corpus.load(url).part(
          part, validationFraction: 0.2, testFraction: 0.1)
      else { continue }
      let file = try encode(url, tokenizer, part: part)
      #expect(file.manifest.forcedCuts == 0)
      let tokens = file[0..<file.count]
      #expect(tokens == tokenizer.encode(whole), "seed \(seed)")
      guard tokens == tokenizer.encode(whole) else { continue }
      #expect(file.manifest.sourceSHA256 == ChecksumList.digest(of: Data(whole.utf8)))
      let windows = TokenWindows(file, length: 10, structural: [true])
      let expected = TrainingSequence.windows(
        of: tokenizer.encode(whole), length: 10, structural: [true])
      #expect(windows.count == expected.count)
      for index in 0..<windows.count {
        #expect(windows.sequence(at: index) == expected[index])
        #expect(windows.length(ofSequence: index) == expected[index].tokens.count)
      }
    }
  }

  @Test func `neither threads nor the size of pieces change what is written`() throws {
    let text = Self.text(seed: 5, words: 3000)
    let tokenizer = try Self.tokenizer.train([text])
    let url = try write(text, "a.txt")
    let first = try encode(url, tokenizer).manifest
    #expect(try encode(url, tokenizer, threads: 1, pieceBytes: 4000).manifest == first)
    #expect(try encode(url, tokenizer, threads: 5, pieceBytes: 1 << 20).manifest == first)
  }

  @Test func `documents of a folder are joined by end-of-text in the order of their names`() throws
  {
    let tokenizer = try Self.byteTokenizer(entries: 257)
    try FileManager.default.createDirectory(
      at: folder["corpus"], withIntermediateDirectories: false)
    _ = try write("plain\n", "corpus/b.txt")
    _ = try write("{\"text\": \"one\\n\"}\n\n{\"id\": 2, \"text\": \"two\"}", "corpus/a.jsonl")
    _ = try write("not read", "corpus/c.md")
    let file = try encode(folder["corpus"], tokenizer)
    #expect(file.manifest.documents == 3)
    let expected =
      Array("one\n".utf8).map(Int32.init) + [256] + Array("two".utf8).map(Int32.init) + [256]
      + Array("plain\n".utf8).map(Int32.init)
    #expect(file[0..<file.count] == expected)
  }

  @Test func `a large vocabulary takes four bytes a token`() throws {
    let text = Self.text(seed: 7, words: 200)
    let url = try write(text, "a.txt")
    let small = try encode(url, Self.byteTokenizer(entries: 1 << 16))
    #expect(small.manifest.bytesPerToken == 2)
    let tokens = small[0..<small.count]
    let large = try encode(url, Self.byteTokenizer(entries: 1 << 16 + 1))
    #expect(large.manifest.bytesPerToken == 4)
    #expect(large[0..<large.count] == tokens)
  }

  @Test func `a corpus shorter than one sequence is refused, and nothing is left`() throws {
    let url = try write("12345678", "a.txt")
    let tokenizer = try Self.byteTokenizer(entries: 257)
    #expect(
      throws: TrainingError.unusableData(
        "the corpus has 8 tokens, fewer than one sequence of 9")
    ) {
      try encode(url, tokenizer, minimumTokens: 9)
    }
    #expect(try folder.names == ["a.txt"])
    #expect(try TokenWindows(encode(url, tokenizer, minimumTokens: 8), length: 7).count == 1)
  }

  @Test func `a stopped encoding leaves nothing, and a finished one is found again`() throws {
    let url = try write(Self.text(seed: 8, words: 4000), "a.txt")
    let tokenizer = try Self.byteTokenizer(entries: 257)
    var reports = 0
    #expect(throws: TrainingError.cancelled) {
      try encode(url, tokenizer) { progress in
        reports += 1
        return progress.bytes < progress.totalBytes / 2
      }
    }
    #expect(reports > 10)
    #expect(try folder.names == ["a.txt"])
    func found(_ tokenizer: Tokenizer, source: String = "test") -> TokenFile? {
      TokenFile(
        "tokens", in: folder.url, source: source, tokenizerSHA256: tokenizer.sha256)
    }
    let made = try encode(url, tokenizer)
    #expect(found(tokenizer)?.manifest == made.manifest)
    #expect(found(tokenizer, source: "another part") == nil)
    #expect(try found(Self.byteTokenizer(entries: 258)) == nil)
    // One bit of one token.
    var bytes = try Data(contentsOf: folder["tokens.tokens"])
    bytes[1000] ^= 1
    try bytes.write(to: folder["tokens.tokens"])
    #expect(found(tokenizer) == nil)
  }

  @Test func `what is no text is refused with its place in the file`() throws {
    let tokenizer = try Self.byteTokenizer(entries: 257)
    let lines = String(repeating: "a line of text\n", count: 100)
    #expect(throws: CorpusError.binary(byte: 1503)) {
      try encode(write(lines + "abc\0", "a.txt"), tokenizer)
    }
    try Data(Array(lines.utf8) + [0x61, 0xFF]).write(to: folder["b.txt"])
    #expect(throws: CorpusError.notUTF8(byte: 1501)) { try encode(folder["b.txt"], tokenizer) }
    #expect {
      try encode(write("{\"text\": \"a\"}\n{\"txt\": \"b\"}\n", "c.jsonl"), tokenizer)
    } throws: {
      guard case .badLine(number: 2, _) = $0 as? CorpusError else { return false }
      return true
    }
    #expect(try TextCorpus(write("{\"prompt\": \"a\", \"completion\": \"b\"}\n", "d.jsonl")) == nil)
  }

  @Test func `a text without a place to cut is cut between characters`() throws {
    let text = String(repeating: "世", count: 300)
    let tokenizer = try Self.byteTokenizer(entries: 257)
    let file = try encode(write(text + String(repeating: "界", count: 40_000), "a.txt"), tokenizer)
    #expect(file.manifest.forcedCuts > 0)
    #expect(file.count == 3 * 40_300)
    #expect(file[0..<900] == Array(text.utf8).map(Int32.init))
  }
}
