import ArgumentParser
import Corpora
import Foundation

/// `BenchFormats corpus`.
struct CorpusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "corpus",
    abstract: "Writes prompts.jsonl and text.txt of the demo's corpus, from the part to test on.")

  @Argument(help: "A folder.")
  var folder: String
  @Option(help: "Seed of the corpus that the model was trained on.")
  var seed: UInt64 = 1
  @Option(help: "Pairs of that corpus.")
  var count = 20_000
  @Option(help: "Prompts.")
  var prompts = 20
  @Option(help: "Examples in the text.")
  var examples = 500

  func run() throws {
    let test = ToolCallGenerator(seed: seed).part(.test, count: count)
    let folder = URL(fileURLWithPath: folder)
    let lines = try test.prefix(prompts).map {
      String(decoding: try JSONEncoder().encode($0.context), as: UTF8.self)
    }
    try lines.map { $0 + "\n" }.joined().write(
      to: folder.appendingPathComponent("prompts.jsonl"), atomically: true, encoding: .utf8)
    try test.prefix(examples).map(\.text).joined(separator: "\n").write(
      to: folder.appendingPathComponent("text.txt"), atomically: true, encoding: .utf8)
  }
}
