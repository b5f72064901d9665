import ArgumentParser
import Checkpoints
import Foundation
import Inference
import ModelFormats
import Tokenization
import Transformer

/// A reader of files that strangers make.
enum Reader: String, CaseIterable, ExpressibleByArgument {
  case gguf, safetensors, index, packed, packedModel, tokenizer, config, checkpoint

  var isText: Bool { ![.gguf, .safetensors, .packed, .packedModel].contains(self) }

  /// Valid files, made by our own writers.
  func seeds(in folder: URL) throws -> [[UInt8]] {
    func bytes(_ name: String) throws -> [UInt8] {
      Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }
    let tokenizer = try BytePairTrainer(
      vocabularySize: 270, specialTokens: ["<|endoftext|>"], preTokenization: .llama3
    ).train(["the cat sat on the mat"])
    switch self {
    case .gguf:
      return try [GGUFWeights.tq2_0, .tq1_0, .i2_s, .f16, .q8_0].enumerated().map {
        index, weights in
        let file = folder.appendingPathComponent("seed.gguf")
        try GGUFExport.write(
          Self.model(ternary: weights.isTernary, variant: index, tokenizer), weights: weights,
          embeddings: .f16, to: file)
        return try bytes("seed.gguf")
      }
    case .safetensors, .index, .packed, .config:
      let forms: [HuggingFaceExport.Weights] = self == .packed ? [.packed] : [.packed, .bf16]
      var seeds: [[UInt8]] = []
      for weights in forms {
        try HuggingFaceExport.write(
          Self.model(ternary: true, variant: 0, tokenizer), weights: weights, into: folder)
        seeds.append(try bytes(self == .config ? "config.json" : "model.safetensors"))
      }
      guard self == .index else { return seeds }
      let map = try SafetensorsFile(mapping: folder.appendingPathComponent("model.safetensors"))
        .tensors.keys.sorted().map { "\"\($0)\":\"model.safetensors\"" }
      return [Array("{\"metadata\":{},\"weight_map\":{\(map.joined(separator: ","))}}".utf8)]
    case .packedModel:
      return try [true, false].map { isTernary in
        let model = Self.model(ternary: isTernary, variant: 0, tokenizer)
        try PackedModelFile.write(
          InferenceModel(configuration: model.configuration, parameters: model.parameters),
          to: folder.appendingPathComponent("seed.packed"))
        return try bytes("seed.packed")
      }
    case .tokenizer: return [Array(tokenizer.json)]
    case .checkpoint:
      return try [Self.configuration(ternary: true, variant: 0)].map {
        Array(try JSONEncoder().encode($0))
      }
    }
  }

  /// Reads a file and everything in it.
  ///
  /// - Throws: what is wrong with it, which is what most inputs are for.
  func read(_ file: URL, _ bytes: [UInt8]) throws {
    switch self {
    case .gguf:
      let gguf = try GGUFFile(mapping: file)
      for key in gguf.metadata.keys {
        _ = try? gguf.strings(key)
        _ = try? gguf.integers(key)
        _ = try? gguf.numbers(key)
      }
      _ = try GGUFImport(file).parameters()
    case .safetensors:
      let tensors = try SafetensorsFile(mapping: file)
      for name in tensors.tensors.keys { _ = try? tensors.floats(name) }
    case .index: _ = try SafetensorsFolder(file.deletingLastPathComponent()).tensorNames
    case .packed:
      let configuration = Self.configuration(ternary: true, variant: 0)
      let weights = try ModelWeights(
        file.deletingLastPathComponent(), packedScale: .multiplied)
      let parameters = Parameters(layout: ParameterLayout(configuration))
      for view in parameters.layout.views {
        try weights.copy(
          view.name, shape: view.shape, isTernary: view.isTernary,
          into: parameters.values + view.offset)
      }
    case .packedModel:
      let model = try PackedModelFile.open(file)
      let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 16)
      _ = try session.prefill([1], sequence: 0)
    case .tokenizer:
      let tokenizer = try Tokenizer(json: Data(bytes))
      _ = tokenizer.decode(tokenizer.encode("the cat sat 12 <|endoftext|> é"))
    case .config: _ = try ModelConfiguration(huggingFace: Data(bytes)).parameterCount
    case .checkpoint:
      _ = try JSONDecoder().decode(ModelConfiguration.self, from: Data(bytes)).validated()
        .parameterCount
    }
  }

  /// The name under which `read` looks for the input.
  var fileName: String {
    switch self {
    case .gguf: "input.gguf"
    case .index: "model.safetensors.index.json"
    case .safetensors, .packed: "model.safetensors"
    case .packedModel: "input.packed"
    case .tokenizer, .config, .checkpoint: "input.json"
    }
  }

  private static func configuration(ternary: Bool, variant: Int) -> ModelConfiguration {
    ModelConfiguration(
      vocabSize: 272, hiddenSize: 256, intermediateSize: 256, numHiddenLayers: 1,
      numAttentionHeads: 2, tieWordEmbeddings: ternary, hiddenAct: .silu,
      qkNorm: variant == 3, subNorm: ternary, quantization: ternary ? .ternary : .none,
      maxPositionEmbeddings: 16)
  }

  private static func model(
    ternary: Bool, variant: Int, _ tokenizer: Tokenizer
  ) -> ExportedModel {
    let configuration = configuration(ternary: ternary, variant: variant)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.initialize(seed: UInt64(variant))
    return ExportedModel(
      name: "seed", configuration: configuration, parameters: parameters, tokenizer: tokenizer,
      chatTemplate: "{{ messages }}")
  }
}
