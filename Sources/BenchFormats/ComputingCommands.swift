import ArgumentParser
import Checkpoints
import Foundation
import Inference
import Kernels
import Tokenization
import Transformer

/// The texts of a file with a JSON text a line.
private func readPrompts(_ path: String) throws -> [String] {
  try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
    try JSONDecoder().decode(String.self, from: Data($0.utf8))
  }
}

/// `BenchFormats greedy`.
struct GreedyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "greedy", abstract: "Continues prompts greedily; prints a JSON text a line.")

  @OptionGroup var model: ModelArgument
  @Argument(help: "A file with one prompt, a JSON text, a line.")
  var prompts: String
  @Option(help: "Tokens to append at most.")
  var tokens = 48

  func run() throws {
    let loaded = try ModelOnDisk(model.model)
    let texts = try readPrompts(prompts)
    let inference = try loaded.inference()
    let (generations, _) = try generateGreedy(
      model: inference, prompts: texts.map(loaded.tokenizer.encode),
      maximumNewTokens: tokens, stop: Set([loaded.tokenizer.endOfText].compactMap(\.self)),
      batch: 1)
    for generation in generations {
      let text = try JSONEncoder().encode(loaded.tokenizer.decode(generation.tokens))
      print(String(decoding: text, as: UTF8.self))
    }
  }
}

/// `BenchFormats perplexity`.
struct PerplexityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perplexity",
    abstract: "Perplexity of a text as llama-perplexity counts it: the second half of each window.")

  @OptionGroup var model: ModelArgument
  @Argument(help: "A text file.")
  var text: String
  @Option(help: "Tokens of a window.")
  var context = 128

  func run() throws {
    let loaded = try ModelOnDisk(model.model)
    let tokens = loaded.tokenizer.encode(try String(contentsOfFile: text, encoding: .utf8))
    let inference = try loaded.inference()
    let vocabulary = loaded.configuration.vocabSize
    let session = InferenceSession(
      model: inference, maximumSequences: 1, maximumLength: context)
    var (sum, count) = (0.0, 0)
    for start in stride(from: 0, through: tokens.count - context, by: context) {
      let window = Array(tokens[start..<start + context])
      session.reset(0)
      try session.score(window, sequence: 0) { rows, logits in
        for row in rows where row >= context / 2 && row < context - 1 {
          let values = UnsafeBufferPointer(
            start: logits + (row - rows.lowerBound) * vocabulary, count: vocabulary)
          let largest = Double(values.max() ?? 0)
          let total = values.reduce(0) { $0 + exp(Double($1) - largest) }
          sum -= Double(values[Int(window[row + 1])]) - largest - log(total)
          count += 1
        }
      }
    }
    print(exp(sum / Double(max(1, count))))
  }
}

/// `BenchFormats logits`.
struct LogitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logits",
    abstract: "Writes the logits behind every token of all prompts in a row, as safetensors.")

  @OptionGroup var model: ModelArgument
  @Argument(help: "A file with one prompt, a JSON text, a line.")
  var prompts: String
  @Argument(help: "The file that gets `tokens` and `logits`, as F32.")
  var output: String

  func run() throws {
    let loaded = try ModelOnDisk(model.model)
    let tokens = loaded.tokenizer.encode(try readPrompts(prompts).joined())
    let vocabulary = loaded.configuration.vocabSize
    // As precisely as we can, for comparison with programs in fp32.
    let session = InferenceSession(
      model: try loaded.inference(.fp32), maximumSequences: 1, maximumLength: tokens.count,
      cachePrecision: .fp32)
    var logits: [Float] = []
    try session.score(tokens, sequence: 0) { rows, values in
      logits += UnsafeBufferPointer(start: values, count: rows.count * vocabulary)
    }
    let ids = tokens.map(Float.init)
    try logits.withUnsafeBufferPointer { logits in
      try ids.withUnsafeBufferPointer { ids in
        try SafetensorsWriter.write(
          to: URL(fileURLWithPath: output),
          tensors: [
            .init(name: "tokens", shape: [ids.count], values: ids.baseAddress!),
            .init(name: "logits", shape: [ids.count, vocabulary], values: logits.baseAddress!),
          ])
      }
    }
  }
}
