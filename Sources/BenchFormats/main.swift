import ArgumentParser
import Foundation
import ModelFormats

/// What bench/formats.sh compares other programs with.
struct BenchFormats: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Exports a model, and says what it computes, for comparison with other programs.",
    subcommands: [
      CorpusCommand.self, ExportCommand.self, GreedyCommand.self, PerplexityCommand.self,
      LogitsCommand.self,
    ])
}

/// `BenchFormats export`.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Writes the model in another format.")

  @OptionGroup var model: ModelArgument
  @Argument(help: "A file for gguf, a new folder for huggingface.")
  var output: String
  @Option(help: "gguf's tq2_0, tq1_0, i2_s, f32, f16, bf16, q8_0; huggingface's f32, bf16, packed.")
  var weights: String
  @Option(help: "How gguf keeps the embeddings.")
  var embeddings = GGUFWeights.f16
  @Flag(help: "Writes a folder for transformers instead of a GGUF file.")
  var huggingface = false

  func run() throws {
    let loaded = try ModelOnDisk(model.model)
    let exported = ExportedModel(
      name: "bench", configuration: loaded.configuration, parameters: loaded.parameters,
      tokenizer: loaded.tokenizer)
    let url = URL(fileURLWithPath: output)
    if huggingface {
      guard let weights = HuggingFaceExport.Weights(rawValue: weights) else {
        throw ValidationError("huggingface has no weights \(weights)")
      }
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      print(try HuggingFaceExport.write(exported, weights: weights, into: url))
    } else {
      guard let weights = GGUFWeights(rawValue: weights) else {
        throw ValidationError("gguf has no weights \(weights)")
      }
      print(try GGUFExport.write(exported, weights: weights, embeddings: embeddings, to: url))
    }
  }
}

extension GGUFWeights: ExpressibleByArgument {}
BenchFormats.main()
