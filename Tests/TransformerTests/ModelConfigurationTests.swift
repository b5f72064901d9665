import Foundation
import Testing
import Transformer

struct ModelConfigurationTests {
  private let good = ModelConfiguration(
    vocabSize: 100, hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 2, numAttentionHeads: 4)

  // The published counts of qwen3-0.6b, bitnet-2b4t (with its 128,256 ids) and of Llama's 7b, the
  // last with its two gains a block of SubLN more.
  @Test(arguments: [
    ("demo", 1_970_624), ("mini", 162_463_488), ("qwen3-0.6b", 596_049_920),
    ("bitnet-2b4t", 2_412_820_480), ("7b", 6_738_415_616 + 32 * (4096 + 11_008)),
  ])
  func `every preset is valid and has its published count of parameters`(
    name: String, count: Int
  ) throws {
    let preset = try #require(ModelConfiguration.preset(name))
    #expect(try preset.validated() == preset)
    #expect(preset.parameterCount == count)
  }

  @Test func `every preset's name is listed, and no other name is known`() {
    #expect(ModelConfiguration.presetNames.allSatisfy { ModelConfiguration.preset($0) != nil })
    #expect(ModelConfiguration.preset("8b") == nil)
  }

  @Test func `a configuration survives its JSON`() throws {
    var configuration = try #require(ModelConfiguration.preset("demo"))
    let scalings: [RopeScaling?] = [
      nil, .linear(factor: 2),
      .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192),
      .yarn(factor: 4, originalPositions: 4096, betaFast: 32, betaSlow: 1, attentionFactor: 1.1),
    ]
    for scaling in scalings {
      configuration.ropeScaling = scaling
      let json = try JSONEncoder().encode(configuration)
      #expect(try JSONDecoder().decode(ModelConfiguration.self, from: json) == configuration)
    }
  }

  @Test func `only the sizes must be in the JSON`() throws {
    let json = """
      {"vocab_size": 100, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
       "num_attention_heads": 4}
      """
    #expect(try JSONDecoder().decode(ModelConfiguration.self, from: Data(json.utf8)) == good)
  }

  @Test func `every bad field is named at once`() {
    var bad = good
    bad.vocabSize = 1
    bad.hiddenSize = 0
    bad.numKeyValueHeads = 3
    bad.headDim = 5
    bad.ropeTheta = .nan
    bad.ropeScaling = .linear(factor: 0)
    bad.rmsNormEps = 0
    bad.maxPositionEmbeddings = -1
    #expect {
      try bad.validated()
    } throws: { error in
      (error as? ModelConfigurationError)?.problems.map(\.field) == [
        "vocab_size", "hidden_size", "num_key_value_heads", "head_dim", "rope_theta",
        "rope_scaling", "rms_norm_eps", "max_position_embeddings",
      ]
    }
  }

  @Test func `zero heads are a bad field, not a crash`() {
    var bad = good
    bad.numAttentionHeads = 0
    bad.numKeyValueHeads = 0
    #expect(throws: ModelConfigurationError.self) { try bad.validated() }
  }
}

struct HuggingFaceConfigurationTests {
  private func json(_ more: String, type: String = "llama") -> Data {
    Data(
      """
      {"model_type": "\(type)", "vocab_size": 100, "hidden_size": 16, "intermediate_size": 32,
       "num_hidden_layers": 2, "num_attention_heads": 4\(more)}
      """.utf8)
  }

  @Test func `the old and the new place of rope's parameters mean the same`() throws {
    let old = try ModelConfiguration(
      huggingFace: json(
        #", "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2.0}"#))
    let new = try ModelConfiguration(
      huggingFace: json(
        #", "rope_parameters": {"rope_type": "linear", "rope_theta": 500000.0, "factor": 2}"#))
    #expect(old == new)
    #expect(old.ropeTheta == 500_000 && old.ropeScaling == .linear(factor: 2))
  }

  @Test func `each architecture brings its options`() throws {
    let qwen2 = try ModelConfiguration(
      huggingFace: json(#", "num_key_value_heads": 2"#, type: "qwen2"))
    #expect(qwen2.attentionBias && !qwen2.qkNorm && !qwen2.subNorm)
    let qwen3 = try ModelConfiguration(
      huggingFace: json(#", "num_key_value_heads": 4, "head_dim": 8"#, type: "qwen3"))
    #expect(!qwen3.attentionBias && qwen3.qkNorm && qwen3.headDim == 8)
    // Here attention_bias is that of all four projections; qwen2 and mlp_bias of others know neither.
    let both = #", "num_key_value_heads": 4, "attention_bias": true, "mlp_bias": true"#
    for type in ["llama", "qwen2", "qwen3"] {
      let biased = try ModelConfiguration(huggingFace: json(both, type: type))
      #expect(biased.attentionBias && biased.outputBias == (type != "qwen2"))
      #expect(biased.mlpBias == (type == "llama"))
      let names = ParameterLayout(biased).views.map(\.name).filter { $0.hasSuffix(".bias") }
      let perLayer = type == "llama" ? 7 : type == "qwen3" ? 4 : 3
      #expect(names.count == perLayer * biased.numHiddenLayers)
    }
    #expect(throws: HuggingFaceConfigurationError.self) {
      try ModelConfiguration(huggingFace: json(both, type: "bitnet"))
    }
    let bitnet = try ModelConfiguration(
      huggingFace: json(
        #", "num_key_value_heads": null, "quantization_config": {"quant_method": "bitnet"}"#,
        type: "bitnet"))
    #expect(bitnet.subNorm && bitnet.hiddenAct == .relu2 && bitnet.quantization == .ternary)
    #expect(bitnet.numKeyValueHeads == 4 && bitnet.ropeTheta == 500_000)
    #expect(bitnet.rmsNormEps == 1e-5 && !bitnet.tieWordEmbeddings)
  }

  @Test func `what a file leaves out is what transformers assumes for its type`() throws {
    let llama = try ModelConfiguration(huggingFace: json(#", "hidden_act": "swish""#))
    #expect(llama.numKeyValueHeads == 4 && llama.headDim == 4 && llama.hiddenAct == .silu)
    let qwen3 = try ModelConfiguration(
      huggingFace: json(#", "num_key_value_heads": null"#, type: "qwen3"))
    #expect(qwen3.headDim == 128)
    let derived = try ModelConfiguration(
      huggingFace: json(#", "num_key_value_heads": null, "head_dim": null"#, type: "qwen3"))
    #expect(derived.headDim == 4)
  }

  @Test func `a sliding window bounds the positions, and within it changes nothing`() throws {
    func positions(_ more: String) throws -> Int {
      let more = #", "num_key_value_heads": 2, "max_position_embeddings": 32768"# + more
      return try ModelConfiguration(huggingFace: json(more, type: "qwen2")).maxPositionEmbeddings
    }
    let window = #", "sliding_window": 1024"#
    #expect(try positions(#", "use_sliding_window": false"# + window) == 32_768)
    #expect(try positions(window) == 32_768)
    #expect(try positions(#", "use_sliding_window": true"# + window) == 1024)
    #expect(try positions(#", "use_sliding_window": true"#) == 4096)
    #expect(try positions(#", "use_sliding_window": true, "sliding_window": null"#) == 32_768)
    let types = #", "layer_types": ["full_attention", "sliding_attention"]"#
    #expect(try positions(#", "use_sliding_window": true"# + window + types) == 1024)
    #expect(throws: HuggingFaceConfigurationError.self) { try positions(window + types) }
    #expect(throws: HuggingFaceConfigurationError.self) {
      try positions(#", "use_sliding_window": true, "sliding_window": 0"#)
    }
  }

  @Test func `the linear class says what a packed matrix's scale means`() throws {
    func storage(_ quantization: String) throws -> BitNetStorage {
      try ModelConfiguration.storage(
        huggingFace: json(
          #", "quantization_config": {"quant_method": "bitnet"\#(quantization)}"#, type: "bitnet"))
    }
    #expect(try storage("") == .packedDivided)
    #expect(try storage(#", "linear_class": "autobitlinear""#) == .packedMultiplied)
    #expect(
      try storage(#", "linear_class": "autobitlinear", "quantization_mode": "online""#) == .latent)
    #expect(try ModelConfiguration.storage(huggingFace: json("", type: "bitnet")) == .latent)
    #expect(throws: HuggingFaceConfigurationError.self) {
      try storage(#", "use_rms_norm": true"#)
    }
    #expect(throws: HuggingFaceConfigurationError.self) {
      try storage(#", "modules_to_not_convert": ["model.layers.0.mlp.down_proj"]"#)
    }
  }

  @Test(arguments: [
    (#", "hidden_act": "gelu""#, "hidden_act"),
    (#", "use_sliding_window": true"#, "use_sliding_window"),
    (#", "partial_rotary_factor": 0.5"#, "partial_rotary_factor"),
    (#", "quantization_config": {"quant_method": "gptq"}"#, "quantization_config"),
    (#", "layer_types": ["full_attention", "sliding_attention"]"#, "layer_types"),
    (#", "architectures": ["LlamaForSequenceClassification"]"#, "architectures"),
    (#", "rope_parameters": {"partial_rotary_factor": 0.5}"#, "partial_rotary_factor"),
    (#", "rope_scaling": {"type": "default", "mrope_section": [1]}"#, "rope_scaling.mrope_section"),
  ])
  func `an option that is not built is refused by name`(more: String, field: String) {
    #expect {
      try ModelConfiguration(huggingFace: json(more))
    } throws: { error in
      guard case .unsupported(field, _, _) = error as? HuggingFaceConfigurationError else {
        return false
      }
      return true
    }
  }

  @Test(arguments: [
    (json: #"{"model_type": "llama"}"#, names: "vocab_size"), (json: "[1, 2]", names: ""),
    (json: "{", names: ""),
  ])
  func `a file that is no configuration is malformed`(json: String, names: String) {
    #expect {
      try ModelConfiguration(huggingFace: Data(json.utf8))
    } throws: { error in
      guard case .malformed(let text) = error as? HuggingFaceConfigurationError else {
        return false
      }
      return names.isEmpty || text.contains(names)
    }
  }

  @Test(arguments: ["mistral", "gemma2", "phi3", "mamba", "qwen3_moe"])
  func `another architecture is refused by its name, whatever else its file lacks`(type: String) {
    #expect(
      throws: HuggingFaceConfigurationError.unsupported(
        field: "model_type", value: type, expected: "llama, qwen2, qwen3 or bitnet")
    ) {
      try ModelConfiguration(huggingFace: Data(#"{"model_type": "\#(type)"}"#.utf8))
    }
  }

  @Test(arguments: ["dynamic", "longrope"])
  func `a scaling of rope that is not built is refused by name`(type: String) {
    #expect {
      try ModelConfiguration(
        huggingFace: json(#", "rope_scaling": {"rope_type": "\#(type)", "factor": 2}"#))
    } throws: { error in
      guard case .malformed(let text) = error as? HuggingFaceConfigurationError else {
        return false
      }
      return text.contains(type)
    }
  }
}
