package import Kernels

/// The weights of a model that only predicts, as they are stored: matrices in bf16 or fp32, perhaps
/// in a mapped file, gains and biases in fp32.
package final class StoredWeights {
  package let configuration: ModelConfiguration
  package let layout: ParameterLayout
  private var matrices: [String: DenseWeights] = [:]
  private var vectors: [String: AlignedBuffer<Float>] = [:]

  /// Collects all tensors of a model of `configuration`, which has no ternary projections.
  ///
  /// - Parameters:
  ///   - matrix: the matrix of a view. - copyVector: writes the gains or biases of a view.
  /// - Throws: every field of the configuration that cannot be, and what the two throw.
  package init(
    _ configuration: ModelConfiguration, matrix: (ParameterView) throws -> DenseWeights,
    copyVector: (ParameterView, UnsafeMutablePointer<Float>) throws -> Void
  ) throws {
    self.configuration = try configuration.validated()
    precondition(configuration.quantization == .none, "ternary weights are packed elsewhere")
    layout = ParameterLayout(configuration)
    for view in layout.views {
      if view.isMatrix {
        let weights = try matrix(view)
        precondition([weights.rows, weights.columns] == view.shape, "\(view.name): \(view.shape)")
        matrices[view.name] = weights
      } else {
        let values = AlignedBuffer<Float>(count: view.count)
        try copyVector(view, values.pointer)
        vectors[view.name] = values
      }
    }
  }

  /// Bytes of all weights.
  package var byteCount: Int {
    matrices.values.reduce(0) { $0 + $1.byteCount }
      + vectors.values.reduce(0) { $0 + $1.count * MemoryLayout<Float>.stride }
  }

  /// `[V, d]`: the embedding when they are tied.
  package var head: DenseWeights { matrix("lm_head.weight") ?? embedding }

  var embedding: DenseWeights {
    guard let embedding = matrix("model.embed_tokens.weight") else {
      preconditionFailure("every layout has an embedding")
    }
    return embedding
  }

  /// nil when the model has no such matrix.
  func matrix(_ name: String) -> DenseWeights? { matrices[name] }

  /// nil when the model has no such gain or bias; valid as long as this object lives.
  func vector(_ name: String) -> UnsafePointer<Float>? {
    vectors[name].map { UnsafePointer($0.pointer) }
  }
}

extension OperationFactory {
  /// A block over weights that do not change.
  static func block(_ index: Int, of weights: StoredWeights, rope: RoPE) -> TransformerBlock {
    let configuration = weights.configuration
    let name = "model.layers.\(index)."
    func norm(_ suffix: String) -> RMSNorm { Self.norm(name + suffix, of: weights) }
    func projection(_ suffix: String, _ role: ProjectionRole) -> BitLinear {
      guard let matrix = weights.matrix(name + suffix + ".weight") else {
        preconditionFailure("the layout has no \(name + suffix)")
      }
      return BitLinear(
        role: role, weights: .stored(matrix), gradient: nil, tensor: nil,
        bias: weights.vector(name + suffix + ".bias"), biasGradient: nil,
        inputs: matrix.columns, outputs: matrix.rows, trits: nil)
    }
    return TransformerBlock(
      attentionNorm: norm("input_layernorm.weight"),
      query: projection("self_attn.q_proj", .queryKeyValue),
      key: projection("self_attn.k_proj", .queryKeyValue),
      value: projection("self_attn.v_proj", .queryKeyValue),
      queryNorm: configuration.qkNorm ? norm("self_attn.q_norm.weight") : nil,
      keyNorm: configuration.qkNorm ? norm("self_attn.k_norm.weight") : nil,
      rope: rope, attention: Attention(configuration),
      attendedNorm: configuration.subNorm ? norm("self_attn.attn_sub_norm.weight") : nil,
      output: projection("self_attn.o_proj", .attentionOutput),
      mlpNorm: norm("post_attention_layernorm.weight"),
      gate: projection("mlp.gate_proj", .gateUp), up: projection("mlp.up_proj", .gateUp),
      mlp: GatedMLP(
        activation: configuration.hiddenAct, width: configuration.intermediateSize,
        subNorm: configuration.subNorm ? norm("mlp.ffn_sub_norm.weight") : nil),
      down: projection("mlp.down_proj", .down))
  }

  /// A norm over weights that do not change.
  static func norm(_ name: String, of weights: StoredWeights) -> RMSNorm {
    guard let gain = weights.vector(name), let view = weights.layout[name] else {
      preconditionFailure("the layout has no \(name)")
    }
    return RMSNorm(
      gain: gain, gainGradient: nil, width: view.count,
      epsilon: Float(weights.configuration.rmsNormEps))
  }
}
