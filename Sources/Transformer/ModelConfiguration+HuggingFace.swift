package import Foundation

/// Why a `config.json` of Hugging Face's transformers describes no model of ours.
package enum HuggingFaceConfigurationError: Error, Equatable, Sendable {
  /// Not JSON, or a field is missing or of another type.
  case malformed(String)
  /// An architecture or an option that is not built; it is never approximated.
  case unsupported(field: String, value: String, expected: String)
  /// The sizes do not make a model.
  case invalid(ModelConfigurationError)
}

extension ModelConfiguration {
  /// The configuration in a `config.json` of model type llama, qwen2, qwen3 or bitnet.
  ///
  /// bitnet's `quantization_config` (online, or packed offline) means ternary projections; without
  /// one the file holds master weights that compute in full precision.
  package init(huggingFace json: Data) throws(HuggingFaceConfigurationError) {
    let file: HuggingFaceFile
    do {
      file = try JSONDecoder().decode(HuggingFaceFile.self, from: json)
    } catch let error as DecodingError {
      throw Self.translated(error)
    } catch {
      throw .malformed("\(error)")
    }
    try file.refuseUnsupported()
    let isBitNet = file.modelType == "bitnet"
    let configuration = ModelConfiguration(
      vocabSize: file.vocabSize, hiddenSize: file.hiddenSize,
      intermediateSize: file.intermediateSize, numHiddenLayers: file.numHiddenLayers,
      numAttentionHeads: file.numAttentionHeads, numKeyValueHeads: file.numKeyValueHeads,
      headDim: file.headDim, ropeTheta: file.rope.theta, ropeScaling: file.rope.scaling,
      rmsNormEps: file.rmsNormEps ?? 1e-6, tieWordEmbeddings: file.tieWordEmbeddings ?? isBitNet,
      hiddenAct: isBitNet || file.hiddenAct == "relu2" ? .relu2 : .silu,
      qkNorm: file.modelType == "qwen3", attentionBias: file.modelType == "qwen2",
      subNorm: isBitNet, quantization: file.quantizationConfig == nil ? .none : .ternary,
      maxPositionEmbeddings: file.maxPositionEmbeddings ?? 2048)
    do {
      self = try configuration.validated()
    } catch {
      throw .invalid(error)
    }
  }

  private static func translated(_ error: DecodingError) -> HuggingFaceConfigurationError {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    return switch error {
    case .keyNotFound(let key, _): .malformed("\(key.stringValue) is missing")
    case .typeMismatch(let type, let context): .malformed("\(path(context)) is no \(type)")
    case .valueNotFound(let type, let context): .malformed("\(path(context)) is null, not \(type)")
    case .dataCorrupted(let context):
      .malformed("\(path(context)): \(context.debugDescription)")
    @unknown default: .malformed("\(error)")
    }
  }
}

/// What is read of the file.
private struct HuggingFaceFile: Decodable {
  struct QuantizationConfig: Decodable {
    let quantMethod: String

    enum CodingKeys: String, CodingKey { case quantMethod = "quant_method" }
  }

  /// `rope_parameters` of newer files; of older ones `rope_theta` beside `rope_scaling`.
  struct Rope {
    var theta = 10_000.0
    var scaling: RopeScaling?
  }

  private struct RopeTheta: Decodable {
    let theta: Double?

    enum CodingKeys: String, CodingKey { case theta = "rope_theta" }
  }

  let modelType: String
  let vocabSize: Int
  let hiddenSize: Int
  let intermediateSize: Int
  let numHiddenLayers: Int
  let numAttentionHeads: Int
  let numKeyValueHeads: Int?
  let headDim: Int?
  var rope = Rope()
  let rmsNormEps: Double?
  let tieWordEmbeddings: Bool?
  let hiddenAct: String?
  let maxPositionEmbeddings: Int?
  let quantizationConfig: QuantizationConfig?
  let attentionBias: Bool?
  let mlpBias: Bool?
  let useSlidingWindow: Bool?
  let partialRotaryFactor: Double?

  enum CodingKeys: String, CodingKey {
    case modelType = "model_type"
    case vocabSize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case numHiddenLayers = "num_hidden_layers"
    case numAttentionHeads = "num_attention_heads"
    case numKeyValueHeads = "num_key_value_heads"
    case headDim = "head_dim"
    case ropeTheta = "rope_theta"
    case ropeScaling = "rope_scaling"
    case ropeParameters = "rope_parameters"
    case rmsNormEps = "rms_norm_eps"
    case tieWordEmbeddings = "tie_word_embeddings"
    case hiddenAct = "hidden_act"
    case maxPositionEmbeddings = "max_position_embeddings"
    case quantizationConfig = "quantization_config"
    case attentionBias = "attention_bias"
    case mlpBias = "mlp_bias"
    case useSlidingWindow = "use_sliding_window"
    case partialRotaryFactor = "partial_rotary_factor"
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func optional<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: key)
    }
    modelType = try container.decode(String.self, forKey: .modelType)
    vocabSize = try container.decode(Int.self, forKey: .vocabSize)
    hiddenSize = try container.decode(Int.self, forKey: .hiddenSize)
    intermediateSize = try container.decode(Int.self, forKey: .intermediateSize)
    numHiddenLayers = try container.decode(Int.self, forKey: .numHiddenLayers)
    numAttentionHeads = try container.decode(Int.self, forKey: .numAttentionHeads)
    numKeyValueHeads = try optional(.numKeyValueHeads)
    headDim = try optional(.headDim)
    rmsNormEps = try optional(.rmsNormEps)
    tieWordEmbeddings = try optional(.tieWordEmbeddings)
    hiddenAct = try optional(.hiddenAct)
    maxPositionEmbeddings = try optional(.maxPositionEmbeddings)
    quantizationConfig = try optional(.quantizationConfig)
    attentionBias = try optional(.attentionBias)
    mlpBias = try optional(.mlpBias)
    useSlidingWindow = try optional(.useSlidingWindow)
    partialRotaryFactor = try optional(.partialRotaryFactor)
    rope.theta = try optional(.ropeTheta) ?? rope.theta
    for key in [CodingKeys.ropeScaling, .ropeParameters]
    where try container.contains(key) && !container.decodeNil(forKey: key) {
      rope.scaling = try RopeScaling.decode(from: container.superDecoder(forKey: key))
      rope.theta = try container.decode(RopeTheta.self, forKey: key).theta ?? rope.theta
    }
  }

  /// Throws for the first option that would change the numbers and is not built.
  func refuseUnsupported() throws(HuggingFaceConfigurationError) {
    func require(
      _ key: CodingKeys, _ value: some Any, _ isSupported: Bool, _ expected: String
    ) throws(HuggingFaceConfigurationError) {
      guard isSupported else {
        throw .unsupported(field: key.rawValue, value: "\(value)", expected: expected)
      }
    }
    try require(
      .modelType, modelType, ["llama", "qwen2", "qwen3", "bitnet"].contains(modelType),
      "llama, qwen2, qwen3 or bitnet")
    let activation = hiddenAct ?? (modelType == "bitnet" ? "relu2" : "silu")
    try require(
      .hiddenAct, activation, activation == (modelType == "bitnet" ? "relu2" : "silu"),
      modelType == "bitnet" ? "relu2" : "silu")
    // These architectures' attention_bias also puts a bias on o_proj.
    try require(
      .attentionBias, attentionBias ?? false, modelType == "qwen2" || attentionBias != true,
      "false for \(modelType)")
    try require(.mlpBias, mlpBias ?? false, mlpBias != true, "false")
    try require(.useSlidingWindow, useSlidingWindow ?? false, useSlidingWindow != true, "false")
    try require(
      .partialRotaryFactor, partialRotaryFactor ?? 1, (partialRotaryFactor ?? 1) == 1, "1")
    if let method = quantizationConfig?.quantMethod {
      try require(
        .quantizationConfig, method, method == "bitnet" && modelType == "bitnet",
        "quant_method bitnet of model_type bitnet")
    }
  }
}
