// What is read of a `config.json`. A key that would change the numbers and is not built is refused by
// its name; keys that change none (dropout, initializers, token ids) are not looked at.

/// The types that are built.
enum HuggingFaceModelType: String, CaseIterable {
  case llama, qwen2, qwen3, bitnet

  /// What transformers assumes where the file says nothing; nil for one per query head.
  var defaultKeyValueHeads: Int? {
    switch self {
    case .llama: nil
    case .qwen2, .qwen3: 32
    case .bitnet: 5
    }
  }
}

/// The keys of the file that decide what a model computes.
struct HuggingFaceFile: Decodable {
  struct QuantizationConfig: Decodable {
    let quantMethod: String
    /// `bitlinear` or `autobitlinear`.
    let linearClass: String
    /// `offline` or `online`.
    let mode: String
    let usesRMSNorm: Bool
    let unconverted: [String]?

    enum CodingKeys: String, CodingKey {
      case quantMethod = "quant_method"
      case linearClass = "linear_class"
      case mode = "quantization_mode"
      case usesRMSNorm = "use_rms_norm"
      case unconverted = "modules_to_not_convert"
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      quantMethod = try container.decode(String.self, forKey: .quantMethod)
      linearClass = try container.decodeIfPresent(String.self, forKey: .linearClass) ?? "bitlinear"
      mode = try container.decodeIfPresent(String.self, forKey: .mode) ?? "offline"
      usesRMSNorm = try container.decodeIfPresent(Bool.self, forKey: .usesRMSNorm) ?? false
      unconverted = try container.decodeIfPresent([String].self, forKey: .unconverted)
    }
  }

  /// A key whose absence and whose `null` mean different things.
  enum Presence<Value> {
    case missing, null
    case value(Value)
  }

  /// `rope_parameters` of newer files; of older ones `rope_theta` beside `rope_scaling`.
  struct Rope {
    var theta: Double?
    var scaling: RopeScaling?
    var partialFactor: Double?
    var originalPositions: Int?
  }

  private struct RopeValues: Decodable {
    let theta: Double?
    let partialFactor: Double?
    let originalPositions: Int?

    enum CodingKeys: String, CodingKey {
      case theta = "rope_theta"
      case partialFactor = "partial_rotary_factor"
      case originalPositions = "original_max_position_embeddings"
    }
  }

  private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  /// Whatever else stands in the rotary parameters is another kind of rotation.
  private static let ropeKeys: Set<String> = [
    "rope_type", "type", "rope_theta", "factor", "low_freq_factor", "high_freq_factor",
    "original_max_position_embeddings", "beta_fast", "beta_slow", "attention_factor", "mscale",
    "mscale_all_dim", "truncate", "partial_rotary_factor", "finetuned",
  ]

  let type: HuggingFaceModelType
  let architectures: [String]
  let vocabSize: Int
  let hiddenSize: Int
  let intermediateSize: Int
  let numHiddenLayers: Int
  let numAttentionHeads: Int
  let numKeyValueHeads: Presence<Int>
  let headDim: Presence<Int>
  let rope: Rope
  let rmsNormEps: Double?
  let tieWordEmbeddings: Bool?
  let hiddenAct: String?
  let maxPositionEmbeddings: Int?
  let originalMaxPositionEmbeddings: Int?
  let quantizationConfig: QuantizationConfig?
  let attentionBias: Bool
  let mlpBias: Bool

  /// Whether queries, keys and values have biases: Qwen2's do without being told.
  var hasAttentionBias: Bool { type == .qwen2 || attentionBias }
  /// Whether the projection behind attention has one, too: wherever the file asks; Qwen2 has no such key.
  var hasOutputBias: Bool { type != .qwen2 && attentionBias }
  /// Only Llama has this key.
  var hasMLPBias: Bool { type == .llama && mlpBias }
  let useSlidingWindow: Bool
  let slidingWindow: Presence<Int>
  let layerTypes: [String]

  /// Positions that some layers look back over, their own included; nil when all layers see all. Up to
  /// so many positions, a window is no window.
  var attentionWindow: Int? {
    guard useSlidingWindow else { return nil }
    return switch slidingWindow {
    case .missing: 4096
    case .null: nil
    case .value(let value): value
    }
  }

  /// `swish` is another name of `silu`.
  var activation: String {
    let name = hiddenAct ?? (type == .bitnet ? "relu2" : "silu")
    return name == "swish" ? "silu" : name
  }

  enum CodingKeys: String, CodingKey {
    case modelType = "model_type"
    case architectures
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
    case originalMaxPositionEmbeddings = "original_max_position_embeddings"
    case quantizationConfig = "quantization_config"
    case attentionBias = "attention_bias"
    case mlpBias = "mlp_bias"
    case useSlidingWindow = "use_sliding_window"
    case slidingWindow = "sliding_window"
    case layerTypes = "layer_types"
    case partialRotaryFactor = "partial_rotary_factor"
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func optional<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
      try container.decodeIfPresent(Value.self, forKey: key)
    }
    func presence(_ key: CodingKeys) throws -> Presence<Int> {
      guard container.contains(key) else { return .missing }
      return try container.decodeNil(forKey: key)
        ? .null : .value(container.decode(Int.self, forKey: key))
    }
    // The type first: another architecture's file may lack what these have.
    let name = try container.decode(String.self, forKey: .modelType)
    guard let type = HuggingFaceModelType(rawValue: name) else {
      throw HuggingFaceConfigurationError.unsupported(
        field: CodingKeys.modelType.rawValue, value: name,
        expected: "llama, qwen2, qwen3 or bitnet")
    }
    self.type = type
    architectures = try optional(.architectures) ?? []
    vocabSize = try container.decode(Int.self, forKey: .vocabSize)
    hiddenSize = try container.decode(Int.self, forKey: .hiddenSize)
    intermediateSize = try container.decode(Int.self, forKey: .intermediateSize)
    numHiddenLayers = try container.decode(Int.self, forKey: .numHiddenLayers)
    numAttentionHeads = try container.decode(Int.self, forKey: .numAttentionHeads)
    numKeyValueHeads = try presence(.numKeyValueHeads)
    headDim = try presence(.headDim)
    rmsNormEps = try optional(.rmsNormEps)
    tieWordEmbeddings = try optional(.tieWordEmbeddings)
    hiddenAct = try optional(.hiddenAct)
    maxPositionEmbeddings = try optional(.maxPositionEmbeddings)
    originalMaxPositionEmbeddings = try optional(.originalMaxPositionEmbeddings)
    quantizationConfig = try optional(.quantizationConfig)
    attentionBias = try optional(.attentionBias) ?? false
    mlpBias = try optional(.mlpBias) ?? false
    useSlidingWindow = try optional(.useSlidingWindow) ?? false
    slidingWindow = try presence(.slidingWindow)
    layerTypes = try optional(.layerTypes) ?? []
    rope = try Self.readRope(container)
  }

  private static func readRope(_ container: KeyedDecodingContainer<CodingKeys>) throws -> Rope {
    var rope = Rope(
      theta: try container.decodeIfPresent(Double.self, forKey: .ropeTheta),
      partialFactor: try container.decodeIfPresent(Double.self, forKey: .partialRotaryFactor))
    // As in transformers, the old key wins where both are filled.
    for key in [CodingKeys.ropeScaling, .ropeParameters]
    where try container.contains(key) && !container.decodeNil(forKey: key) {
      let keys = try container.nestedContainer(keyedBy: AnyKey.self, forKey: key).allKeys
      if keys.isEmpty { continue }
      if let unknown = keys.map(\.stringValue).sorted().first(where: { !ropeKeys.contains($0) }) {
        throw HuggingFaceConfigurationError.unsupported(
          field: "\(key.rawValue).\(unknown)", value: "given", expected: "no such parameter")
      }
      rope.scaling = try RopeScaling.decode(from: container.superDecoder(forKey: key))
      let values = try container.decode(RopeValues.self, forKey: key)
      rope.theta = values.theta ?? rope.theta
      rope.partialFactor = values.partialFactor ?? rope.partialFactor
      rope.originalPositions = values.originalPositions
      break
    }
    return rope
  }

  /// Throws for the first option that would change the numbers and is not built.
  func refuseUnsupported() throws(HuggingFaceConfigurationError) {
    func require(
      _ field: String, _ value: some Any, _ isSupported: Bool, _ expected: String
    ) throws(HuggingFaceConfigurationError) {
      guard isSupported else {
        throw .unsupported(field: field, value: "\(value)", expected: expected)
      }
    }
    func require(
      _ key: CodingKeys, _ value: some Any, _ isSupported: Bool, _ expected: String
    ) throws(HuggingFaceConfigurationError) {
      try require(key.rawValue, value, isSupported, expected)
    }
    if let other = architectures.first(where: { !$0.hasSuffix("ForCausalLM") }) {
      try require(.architectures, other, false, "a model with a language-modelling head")
    }
    try require(
      .hiddenAct, activation, ["silu", "relu2"].contains(activation), "silu, swish or relu2")
    try require(
      .attentionBias, attentionBias, type != .bitnet || !attentionBias, "false for \(type.rawValue)"
    )
    try require(
      .useSlidingWindow, useSlidingWindow,
      !useSlidingWindow || type == .qwen2 || type == .qwen3, "false for \(type.rawValue)")
    if let window = attentionWindow {
      try require(.slidingWindow, window, window > 0, "1 or more")
    }
    let known = useSlidingWindow ? ["full_attention", "sliding_attention"] : ["full_attention"]
    try require(
      .layerTypes, layerTypes, layerTypes.allSatisfy { known.contains($0) },
      known.joined(separator: " or ") + " for every layer")
    try require(
      .partialRotaryFactor, rope.partialFactor ?? 1, (rope.partialFactor ?? 1) == 1, "1")
    if let outer = originalMaxPositionEmbeddings, rope.scaling?.usesOriginalPositions == true {
      try require(
        .originalMaxPositionEmbeddings, outer, outer == rope.originalPositions,
        "the one of the rotary parameters")
    }
    guard let quantization = quantizationConfig else { return }
    let field = CodingKeys.quantizationConfig.rawValue
    try require(
      .quantizationConfig, quantization.quantMethod,
      quantization.quantMethod == "bitnet" && type == .bitnet,
      "quant_method bitnet of model_type bitnet")
    try require(
      "\(field).linear_class", quantization.linearClass,
      ["bitlinear", "autobitlinear"].contains(quantization.linearClass),
      "bitlinear or autobitlinear")
    try require(
      "\(field).quantization_mode", quantization.mode,
      ["online", "offline"].contains(quantization.mode), "online or offline")
    try require(
      "\(field).use_rms_norm", quantization.usesRMSNorm, !quantization.usesRMSNorm, "false")
    try require(
      "\(field).modules_to_not_convert", quantization.unconverted ?? [],
      [nil, [], ["lm_head"]].contains(quantization.unconverted), "lm_head alone")
  }
}

extension RopeScaling {
  /// Whether the positions of the original training are one of its parameters.
  fileprivate var usesOriginalPositions: Bool {
    switch self {
    case .linear: false
    case .llama3, .yarn: true
    }
  }
}
