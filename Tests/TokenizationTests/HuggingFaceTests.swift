import Foundation
import TestSupport
import Testing
import Tokenization

/// Comparisons with Hugging Face's `tokenizers`, run when `BITNET_PYTHON` names a Python that has it.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["BITNET_PYTHON"] != nil))
struct HuggingFaceTests {
  /// What a Python program prints, given `files` by their names in its folder.
  private func python(_ program: String, files: [String: Data]) throws -> Data {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, data) in files { try data.write(to: folder.appending(path: name)) }
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(
      filePath: ProcessInfo.processInfo.environment["BITNET_PYTHON"] ?? "python3")
    process.arguments = ["-c", program]
    process.currentDirectoryURL = folder
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return data
  }

  private static let texts: [String] =
    (1...200).map { seed in
      var random = SplitMix64(seed: UInt64(seed))
      return SampleText.random(length: 200, using: &random)
    } + [SampleText.prose, "a<|pad|>b", String(repeating: "abc", count: 500), "    x\n\n  y"]

  @Test(arguments: PreTokenization.allCases)
  func `ids, offsets and texts are the same`(rule: PreTokenization) throws {
    let tokenizer = try SampleText.tokenizer(rule)
    let program = """
      import json
      from tokenizers import Tokenizer
      tokenizer = Tokenizer.from_file("tokenizer.json")
      texts = json.load(open("texts.json"))
      encodings = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
      ids = [e.ids for e in encodings]
      print(json.dumps({"ids": ids, "texts": [tokenizer.decode(i, skip_special_tokens=False) for i in ids]}))
      """
    struct Answer: Decodable {
      let ids: [[Int32]]
      let texts: [String]
    }
    let data = try python(
      program,
      files: [
        "tokenizer.json": tokenizer.json, "texts.json": try JSONEncoder().encode(Self.texts),
      ])
    let answer = try JSONDecoder().decode(Answer.self, from: data)
    for (index, text) in Self.texts.enumerated() {
      #expect(tokenizer.encode(text) == answer.ids[index], "text \(index)")
      #expect(tokenizer.decode(answer.ids[index]) == answer.texts[index], "text \(index)")
    }
  }

  @Test func `training finds the same merges`() throws {
    let program = """
      import json
      from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
      tokenizer = Tokenizer(models.BPE())
      tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
      tokenizer.decoder = decoders.ByteLevel()
      trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
      tokenizer.train_from_iterator(json.load(open("texts.json")), trainer)
      print(tokenizer.to_str())
      """
    let texts = [SampleText.prose, SampleText.prose.uppercased()] + Self.texts.prefix(20)
    let data = try python(program, files: ["texts.json": try JSONEncoder().encode(texts)])
    let theirs = try Tokenizer(json: data)
    let ours = try BytePairTrainer(
      vocabularySize: 500, specialTokens: ["<|endoftext|>"], preTokenization: .gpt2
    ).train(texts)
    #expect(ours.vocabularySize == theirs.vocabularySize)
    for id in Int32(0)..<Int32(ours.vocabularySize) {
      #expect(ours.bytes(of: id) == theirs.bytes(of: id), "token \(id)")
    }
  }
}
