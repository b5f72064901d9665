/// The shape and the options of one decoder-only transformer.
///
/// One configuration covers Llama, Qwen2, Qwen3, BitNet and our students: pre-RMSNorm, grouped-query
/// attention, half-split RoPE, gated MLP. Its JSON form has the names of Hugging Face's
/// `config.json`; where a key is missing, the value of `init`'s default applies.
package struct ModelConfiguration: Codable, Equatable, Sendable {
  /// What the gate of the gated MLP goes through.
  package enum Activation: String, Codable, CaseIterable, Sendable {
    case silu
    /// The square of the positive part.
    case relu2
  }

  /// What the seven projections of a block compute with.
  package enum Quantization: String, Codable, CaseIterable, Sendable {
    case none
    /// BitLinear: ternary weights, integer activations (Ma et al. 2024, arXiv:2402.17764).
    case ternary
  }

  /// V, the number of token ids.
  package var vocabSize: Int
  /// d, the width of the residual stream.
  package var hiddenSize: Int
  /// F, the width of the MLP.
  package var intermediateSize: Int
  /// L, the number of blocks.
  package var numHiddenLayers: Int
  /// H, the number of query heads.
  package var numAttentionHeads: Int
  /// The number of heads of keys and values; it divides `numAttentionHeads`.
  package var numKeyValueHeads: Int
  /// The width of one head; not always `hiddenSize / numAttentionHeads`.
  package var headDim: Int
  /// The base of the rotary frequencies.
  package var ropeTheta: Double
  /// nil: plain rotary frequencies.
  package var ropeScaling: RopeScaling?
  /// Added to the mean square under RMSNorm's root.
  package var rmsNormEps: Double
  /// Whether the head is the embedding.
  package var tieWordEmbeddings: Bool
  package var hiddenAct: Activation
  /// RMSNorm on every head of queries and keys, before RoPE (Qwen3).
  package var qkNorm: Bool
  /// Biases on the projections to queries, keys and values (Qwen2).
  package var attentionBias: Bool
  /// A bias on the projection behind attention (Llama's and Qwen3's `attention_bias` says both).
  package var outputBias: Bool
  /// Biases on the three projections of the MLP (Llama's `mlp_bias`).
  package var mlpBias: Bool
  /// SubLN: one RMSNorm on the input of `o_proj`, one on the input of `down_proj`.
  package var subNorm: Bool
  package var quantization: Quantization
  /// Block Hadamard rotation of the inputs of `o_proj` and `down_proj` before they are quantized
  /// (RECIPE §2). The weights are trained behind it, so it belongs to the model; without ternary
  /// projections it does nothing.
  package var usesHadamard: Bool
  /// The longest sequence the model is meant for, in tokens.
  package var maxPositionEmbeddings: Int

  /// A configuration; `validated()` says whether it makes sense.
  package init(
    vocabSize: Int, hiddenSize: Int, intermediateSize: Int, numHiddenLayers: Int,
    numAttentionHeads: Int, numKeyValueHeads: Int? = nil, headDim: Int? = nil,
    ropeTheta: Double = 10_000, ropeScaling: RopeScaling? = nil, rmsNormEps: Double = 1e-6,
    tieWordEmbeddings: Bool = false, hiddenAct: Activation = .silu, qkNorm: Bool = false,
    attentionBias: Bool = false, outputBias: Bool = false, mlpBias: Bool = false,
    subNorm: Bool = false, quantization: Quantization = .none, usesHadamard: Bool = false,
    maxPositionEmbeddings: Int = 2048
  ) {
    self.vocabSize = vocabSize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.numHiddenLayers = numHiddenLayers
    self.numAttentionHeads = numAttentionHeads
    self.numKeyValueHeads = numKeyValueHeads ?? numAttentionHeads
    self.headDim = headDim ?? hiddenSize / max(1, numAttentionHeads)
    self.ropeTheta = ropeTheta
    self.ropeScaling = ropeScaling
    self.rmsNormEps = rmsNormEps
    self.tieWordEmbeddings = tieWordEmbeddings
    self.hiddenAct = hiddenAct
    self.qkNorm = qkNorm
    self.attentionBias = attentionBias
    self.outputBias = outputBias
    self.mlpBias = mlpBias
    self.subNorm = subNorm
    self.quantization = quantization
    self.usesHadamard = usesHadamard
    self.maxPositionEmbeddings = maxPositionEmbeddings
  }

  /// The width of all query heads together: the output of `q_proj`, the input of `o_proj`.
  package var queryWidth: Int { numAttentionHeads * headDim }
  /// The width of all key heads together: the output of `k_proj` and of `v_proj`.
  package var keyValueWidth: Int { numKeyValueHeads * headDim }
  /// Numbers that training adjusts, each counted once (a tied head is the embedding).
  package var parameterCount: Int {
    ParameterLayout(self).views.reduce(0) { $0 + $1.count }
  }

  /// The names of the JSON form.
  package enum CodingKeys: String, CodingKey, CaseIterable {
    case vocabSize = "vocab_size"
    case hiddenSize = "hidden_size"
    case intermediateSize = "intermediate_size"
    case numHiddenLayers = "num_hidden_layers"
    case numAttentionHeads = "num_attention_heads"
    case numKeyValueHeads = "num_key_value_heads"
    case headDim = "head_dim"
    case ropeTheta = "rope_theta"
    case ropeScaling = "rope_scaling"
    case rmsNormEps = "rms_norm_eps"
    case tieWordEmbeddings = "tie_word_embeddings"
    case hiddenAct = "hidden_act"
    case qkNorm = "qk_norm"
    case attentionBias = "attention_bias"
    case outputBias = "attention_output_bias"
    case mlpBias = "mlp_bias"
    case subNorm = "sub_norm"
    case quantization
    case usesHadamard = "block_hadamard"
    case maxPositionEmbeddings = "max_position_embeddings"
  }

  /// Decodes the JSON form. Only the sizes without a sensible default must be there.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func value<Value: Decodable>(_ key: CodingKeys, or fallback: Value) throws -> Value {
      try container.decodeIfPresent(Value.self, forKey: key) ?? fallback
    }
    let scaling: RopeScaling? =
      try container.contains(.ropeScaling) && !container.decodeNil(forKey: .ropeScaling)
      ? .decode(from: container.superDecoder(forKey: .ropeScaling)) : nil
    self.init(
      vocabSize: try container.decode(Int.self, forKey: .vocabSize),
      hiddenSize: try container.decode(Int.self, forKey: .hiddenSize),
      intermediateSize: try container.decode(Int.self, forKey: .intermediateSize),
      numHiddenLayers: try container.decode(Int.self, forKey: .numHiddenLayers),
      numAttentionHeads: try container.decode(Int.self, forKey: .numAttentionHeads),
      numKeyValueHeads: try container.decodeIfPresent(Int.self, forKey: .numKeyValueHeads),
      headDim: try container.decodeIfPresent(Int.self, forKey: .headDim),
      ropeTheta: try value(.ropeTheta, or: 10_000), ropeScaling: scaling,
      rmsNormEps: try value(.rmsNormEps, or: 1e-6),
      tieWordEmbeddings: try value(.tieWordEmbeddings, or: false),
      hiddenAct: try value(.hiddenAct, or: .silu), qkNorm: try value(.qkNorm, or: false),
      attentionBias: try value(.attentionBias, or: false),
      outputBias: try value(.outputBias, or: false), mlpBias: try value(.mlpBias, or: false),
      subNorm: try value(.subNorm, or: false),
      quantization: try value(.quantization, or: .none),
      usesHadamard: try value(.usesHadamard, or: false),
      maxPositionEmbeddings: try value(.maxPositionEmbeddings, or: 2048))
  }
}
