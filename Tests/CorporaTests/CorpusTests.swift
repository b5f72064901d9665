import Corpora
import Foundation
import Testing

struct CorpusTests {
  /// Loads a file of these bytes.
  private func load(
    _ bytes: [UInt8], name: String, fileBytesMax: Int = 1 << 20
  ) throws -> CorpusContent {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let url = folder.appending(path: name)
    try Data(bytes).write(to: url)
    return try Corpus.load(url, fileBytesMax: fileBytesMax)
  }

  private func load(_ text: String, name: String) throws -> CorpusContent {
    try load(Array(text.utf8), name: name)
  }

  @Test func `text and pairs are read`() throws {
    #expect(try load("Hello, 世界\n", name: "a.txt") == .text("Hello, 世界\n"))
    let lines =
      #"{"prompt":"a","completion":"b","note":1}"# + "\r\n\n" + #"{"completion":"","prompt":"c"}"#
    #expect(
      try load(lines, name: "a.jsonl")
        == .pairs([
          CorpusExample(prompt: "a", completion: "b"), CorpusExample(prompt: "c", completion: ""),
        ]))
  }

  @Test(arguments: ["", "  \n\t\r\n"])
  func `an empty file is refused`(text: String) {
    for name in ["a.txt", "a.jsonl"] {
      #expect {
        try load(text, name: name)
      } throws: { error in
        guard case .empty = error as? CorpusError else { return false }
        return true
      }
    }
  }

  @Test func `what is not text is refused with its place`() {
    #expect(throws: CorpusError.binary(byte: 2)) { try load([97, 98, 0, 99], name: "a.txt") }
    #expect(throws: CorpusError.notUTF8(byte: 3)) {
      try load([0x61, 0xC3, 0xA9, 0xFF, 0x62], name: "a.txt")
    }
    #expect(throws: CorpusError.notUTF8(byte: 1)) { try load([0x61, 0xE2, 0x82], name: "a.txt") }
  }

  @Test func `a bad line is refused with its number`() {
    let good = #"{"prompt":"a","completion":"b"}"# + "\n"
    let cases = [
      ("{", "a JSON object with prompt and completion"), ("[1]", "a JSON object"),
      (#"{"prompt":"a"}"#, "a field completion"),
      (#"{"prompt":1,"completion":"b"}"#, "a text as prompt"),
      (#"{"prompt":"a","completion":null}"#, "a text as completion"),
    ]
    for (line, expected) in cases {
      #expect(throws: CorpusError.badLine(number: 4, expected: expected)) {
        try load(good + "\n" + good + line + "\n" + good, name: "a.jsonl")
      }
    }
  }

  @Test func `files that cannot be a corpus are refused by name`() throws {
    #expect(throws: CorpusError.tooLarge(bytes: 4, limitBytes: 3)) {
      try load([97, 97, 97, 97], name: "a.txt", fileBytesMax: 3)
    }
    #expect {
      try load("x", name: "a.csv")
    } throws: { error in
      guard case .unknownKind = error as? CorpusError else { return false }
      return true
    }
    #expect {
      try Corpus.load(URL(filePath: "/no/such/corpus.txt"))
    } throws: { error in
      guard case .unavailable = error as? CorpusError else { return false }
      return true
    }
    #expect(throws: CorpusError.unavailable(path: "/dev/zero.txt", reason: "")) {
      do {
        _ = try Corpus.load(URL(filePath: "/dev/zero.txt"))
      } catch CorpusError.unavailable(let path, _) {
        throw CorpusError.unavailable(path: path, reason: "")
      }
    }
  }

  @Test func `parts are contiguous, in order and share nothing`() throws {
    let text = (0..<400).map { "Line \($0) – é.\n" }.joined()
    let content = CorpusContent.text(text)
    let parts = try CorpusPart.allCases.map { part in
      try content.part(part, validationFraction: 0.1, testFraction: 0.2).texts[0]
    }
    #expect(parts.joined() == text)
    #expect(parts.allSatisfy { $0.hasSuffix("\n") })
    let share = Double(parts[2].utf8.count) / Double(text.utf8.count)
    #expect((0.18...0.21).contains(share))

    let pairs = (0..<100).map { CorpusExample(prompt: "\($0)", completion: "") }
    let split = try CorpusPart.allCases.map { part in
      try CorpusContent.pairs(pairs).part(part, validationFraction: 0.05, testFraction: 0.05).texts
    }
    #expect(split.map(\.count) == [90, 5, 5])
    #expect(split.flatMap(\.self) == pairs.map(\.text))
  }

  @Test func `a cut never falls into a character`() throws {
    for count in 3...40 {
      let text = String(repeating: "é世👩", count: count)
      let parts = try CorpusPart.allCases.map { part in
        try CorpusContent.text(text).part(part, validationFraction: 0.3, testFraction: 0.3).texts[0]
      }
      #expect(parts.joined() == text)
    }
  }

  @Test func `parts that cannot be are refused`() {
    let content = CorpusContent.pairs([CorpusExample(prompt: "a", completion: "b")])
    #expect(throws: CorpusError.emptyPart(.test)) {
      try content.part(.test, validationFraction: 0.05, testFraction: 0.05)
    }
    for (validation, test) in [(-0.1, 0), (0, 1), (0.6, 0.4), (.nan, 0)] {
      #expect(throws: CorpusError.self) {
        try content.part(.train, validationFraction: validation, testFraction: test)
      }
    }
  }
}
