package import Transformer

/// The networks that llama.cpp and its relatives build, as `general.architecture` names them.
package enum GGUFArchitecture: String, CaseIterable, Sendable {
  /// Ternary, SubLN, SwiGLU, tied head.
  case bitnet
  /// The same with squared ReLU: bitnet.cpp's, not in stock llama.cpp.
  case bitnet158 = "bitnet-b1.58"
  /// The older name of `bitnet158`.
  case bitnet25 = "bitnet-25"
  /// Rows of the query and key projections are stored in the order of interleaved RoPE.
  case llama
  /// Biases on queries, keys and values.
  case qwen2
  /// RMSNorm on every head of queries and keys.
  case qwen3

  var hasSubNorm: Bool { self == .bitnet || self == .bitnet158 || self == .bitnet25 }
  var activation: ModelConfiguration.Activation {
    self == .bitnet158 || self == .bitnet25 ? .relu2 : .silu
  }
  var interleavesHeads: Bool { self == .llama }

  /// The network that computes what `model` computes.
  ///
  /// - Parameter weights: how its matrices are to be stored.
  /// - Throws: `.notRepresentable`, naming what no such network has.
  package static func of(
    _ model: ModelConfiguration, weights: GGUFWeights
  ) throws(FormatError) -> GGUFArchitecture {
    func refuse(_ isRefused: Bool, _ feature: String) throws(FormatError) {
      if isRefused { throw .notRepresentable(format: "GGUF", feature: feature) }
    }
    let isTernary = model.quantization == .ternary
    try refuse(
      isTernary != weights.isTernary,
      isTernary
        ? "ternary projections as \(weights.rawValue): their activations would stay unquantized"
        : "full-precision projections as \(weights.rawValue)")
    try refuse(
      model.usesHadamard,
      FormatError.hadamard)
    try refuse(model.outputBias, "a bias on o_proj (attention_bias of llama and qwen3)")
    try refuse(model.mlpBias, "biases in the MLP (mlp_bias)")
    try refuse(model.ropeScaling != nil, "scaled RoPE (rope_scaling)")
    guard model.subNorm else {
      try refuse(model.hiddenAct == .relu2, "squared ReLU (hidden_act relu2) without SubLN")
      try refuse(
        model.qkNorm && model.attentionBias, "QK-norm and attention biases in one model")
      return model.qkNorm ? .qwen3 : model.attentionBias ? .qwen2 : .llama
    }
    try refuse(!isTernary, "SubLN (sub_norm) with full-precision projections")
    try refuse(model.qkNorm, "QK-norm (qk_norm) together with SubLN")
    try refuse(model.attentionBias, "attention biases (attention_bias) together with SubLN")
    try refuse(
      !model.tieWordEmbeddings,
      "a head of its own (tie_word_embeddings false) together with SubLN")
    try refuse(
      model.queryWidth != model.hiddenSize,
      "heads of another width than hidden_size / num_attention_heads together with SubLN")
    guard model.hiddenAct == .relu2 else { return .bitnet }
    try refuse(
      weights != .i2_s,
      "squared ReLU (hidden_act relu2) as \(weights.rawValue): only bitnet.cpp has it, with i2_s")
    return .bitnet158
  }
}

/// How the matrices of the blocks are stored in a GGUF file.
package enum GGUFWeights: String, CaseIterable, Sendable {
  /// Trits at 2.06 bits: stock llama.cpp's fast form.
  case tq2_0
  /// Trits at 1.69 bits: smaller, slower.
  case tq1_0
  /// Trits at 2 bits: bitnet.cpp's form, with 8-bit activations per token as in training.
  case i2_s
  case f32, f16, bf16
  /// 8 bits with a scale every 32 numbers.
  case q8_0

  package var isTernary: Bool { self == .tq2_0 || self == .tq1_0 || self == .i2_s }

  /// llama.cpp's `general.file_type`.
  var fileType: UInt32 {
    switch self {
    case .f32: 0
    case .f16: 1
    case .q8_0: 7
    case .bf16: 32
    case .tq1_0: 36
    case .tq2_0: 37
    case .i2_s: 40
    }
  }
}
