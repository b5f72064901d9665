internal import Checkpoints
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Tokenization
internal import Transformer
internal import WorkerPool

/// Writes a model in a format that other programs read.
struct ExportRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: ExportSpec) throws -> JobOutcome {
    let model = try ModelFolder.load(environment.modelFolder(spec.model))
    switch spec.format {
    case .gguf:
      throw Problem(
        type: "urn:bitnet:problem:not-available", title: "This format is not supported yet",
        detail: "format gguf comes with a later version; huggingface is available")
    case .huggingFace:
      return .succeeded(result: try writeHuggingFace(model))
    }
  }

  /// `config.json`, `model.safetensors` and `tokenizer.json` as transformers reads them.
  private func writeHuggingFace(_ model: LoadedModel) throws -> JSONValue {
    let config = try HuggingFaceExport.configuration(model.configuration)
    let final = try environment.folder.folder(of: running.job.id)
      .appendingPathComponent("huggingface")
    try CheckpointDirectory.write(at: final) { folder in
      let parameters = model.parameters
      try SafetensorsWriter.write(
        to: folder.appendingPathComponent("model.safetensors"),
        tensors: parameters.layout.views.map { view in
          SafetensorsWriter.Tensor(
            name: view.name, shape: view.shape,
            values: UnsafePointer(parameters.values + view.offset))
        }, metadata: ["format": "pt"])
      try AtomicFile.write(
        Data(config.bytes), to: folder.appendingPathComponent("config.json"))
      try AtomicFile.write(
        model.tokenizer.json, to: folder.appendingPathComponent("tokenizer.json"))
    }
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
      running.addArtifact(
        try Artifact(
          file: final.appendingPathComponent(name), in: environment.folder,
          name: "huggingface/" + name))
    }
    return [
      "format": "huggingface", "path": .string(environment.folder.relativePath(final)),
      "model_type": config["model_type"] ?? .null,
    ]
  }
}

/// The `config.json` of transformers for a model of ours.
enum HuggingFaceExport {
  /// - Throws: `Problem` that names what no architecture of transformers has.
  static func configuration(_ model: ModelConfiguration) throws -> JSONValue {
    let architecture = try architecture(of: model)
    var config: JSONObject = [
      "architectures": [.string(architecture.className)],
      "model_type": .string(architecture.modelType),
      "vocab_size": .int(Int64(model.vocabSize)), "hidden_size": .int(Int64(model.hiddenSize)),
      "intermediate_size": .int(Int64(model.intermediateSize)),
      "num_hidden_layers": .int(Int64(model.numHiddenLayers)),
      "num_attention_heads": .int(Int64(model.numAttentionHeads)),
      "num_key_value_heads": .int(Int64(model.numKeyValueHeads)),
      "head_dim": .int(Int64(model.headDim)), "rope_theta": .double(model.ropeTheta),
      "rms_norm_eps": .double(model.rmsNormEps),
      "tie_word_embeddings": .bool(model.tieWordEmbeddings),
      "hidden_act": .string(model.hiddenAct.rawValue),
      "max_position_embeddings": .int(Int64(model.maxPositionEmbeddings)),
      "attention_bias": .bool(model.attentionBias), "torch_dtype": "float32",
    ]
    if model.quantization == .ternary {
      config["quantization_config"] = [
        "quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online",
      ]
    }
    return .object(config)
  }

  private static func architecture(
    of model: ModelConfiguration
  ) throws -> (modelType: String, className: String) {
    func refused(_ feature: String) -> Problem {
      Problem(
        type: "urn:bitnet:problem:not-representable", title: "The format cannot hold this model",
        detail: "no architecture of transformers has \(feature)")
    }
    if model.usesHadamard {
      throw refused("a Hadamard rotation before o_proj and down_proj (block_hadamard)")
    }
    if model.ropeScaling != nil { throw refused("our form of scaled RoPE; export it unscaled") }
    switch (model.quantization, model.subNorm) {
    case (.ternary, true) where !model.qkNorm && !model.attentionBias:
      return ("bitnet", "BitNetForCausalLM")
    case (.ternary, _): throw refused("ternary projections in this combination")
    case (.none, true): throw refused("SubLN with full-precision projections")
    case (.none, false):
      if model.qkNorm { return ("qwen3", "Qwen3ForCausalLM") }
      return model.attentionBias ? ("qwen2", "Qwen2ForCausalLM") : ("llama", "LlamaForCausalLM")
    }
  }
}
