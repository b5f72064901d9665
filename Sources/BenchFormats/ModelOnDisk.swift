import ArgumentParser
import Checkpoints
import Foundation
import Inference
import Kernels
import ModelFormats
import Tokenization
import Transformer

/// A checkpoint of ours, or a GGUF file with a `tokenizer.json` beside it.
struct ModelOnDisk {
  let configuration: ModelConfiguration
  let parameters: Parameters
  let tokenizer: Tokenizer

  init(_ path: String) throws {
    let url = URL(fileURLWithPath: path)
    guard url.pathExtension != "gguf" else {
      let file = try GGUFImport(url)
      configuration = file.configuration
      parameters = try file.parameters()
      tokenizer = try Tokenizer(
        contentsOf: url.deletingLastPathComponent().appendingPathComponent("tokenizer.json"))
      return
    }
    let json = try Data(contentsOf: url.appendingPathComponent("config.json"))
    configuration = try JSONDecoder().decode(ModelConfiguration.self, from: json).validated()
    parameters = Parameters(layout: ParameterLayout(configuration))
    let weights = try SafetensorsFolder(url)
    for view in parameters.layout.views {
      try weights.file(of: view.name).copy(
        view.name, shape: view.shape, into: parameters.values + view.offset)
    }
    tokenizer = try Tokenizer(contentsOf: url.appendingPathComponent("tokenizer.json"))
  }

  /// Ready to run.
  ///
  /// - Parameter storage: how what is not ternary is kept, and computed with.
  func inference(_ storage: DenseWeights.Storage = .bf16) throws -> InferenceModel {
    try InferenceModel(configuration: configuration, parameters: parameters, storage: storage)
  }
}

/// The model that a command reads.
struct ModelArgument: ParsableArguments {
  @Argument(help: "A checkpoint's folder, or a GGUF file beside a tokenizer.json.")
  var model: String
}
