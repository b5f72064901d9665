internal import Kernels

/// Makes a model's operations from its parameters' names.
struct OperationFactory {
  let configuration: ModelConfiguration
  let parameters: Parameters
  let gradients: Parameters?
  /// Where the trits of every ternary matrix lie.
  let trits: [String: UnsafeMutablePointer<UInt8>]

  func embedding() -> Embedding {
    let name = "model.embed_tokens.weight"
    return Embedding(
      table: values(name), gradient: gradient(name), width: configuration.hiddenSize)
  }

  func norm(_ name: String) -> RMSNorm {
    RMSNorm(
      gain: values(name), gainGradient: gradient(name), width: view(name).count,
      epsilon: Float(configuration.rmsNormEps))
  }

  func block(_ index: Int, rope: RoPE) -> TransformerBlock {
    let name = "model.layers.\(index)."
    let hasSubNorm = configuration.subNorm
    let hasHeadNorm = configuration.qkNorm
    return TransformerBlock(
      attentionNorm: norm(name + "input_layernorm.weight"),
      query: projection(name + "self_attn.q_proj", .queryKeyValue),
      key: projection(name + "self_attn.k_proj", .queryKeyValue),
      value: projection(name + "self_attn.v_proj", .queryKeyValue),
      queryNorm: hasHeadNorm ? norm(name + "self_attn.q_norm.weight") : nil,
      keyNorm: hasHeadNorm ? norm(name + "self_attn.k_norm.weight") : nil,
      rope: rope, attention: Attention(configuration),
      attendedNorm: hasSubNorm ? norm(name + "self_attn.attn_sub_norm.weight") : nil,
      output: projection(name + "self_attn.o_proj", .attentionOutput),
      mlpNorm: norm(name + "post_attention_layernorm.weight"),
      gate: projection(name + "mlp.gate_proj", .gateUp),
      up: projection(name + "mlp.up_proj", .gateUp),
      mlp: GatedMLP(
        activation: configuration.hiddenAct, width: configuration.intermediateSize,
        subNorm: hasSubNorm ? norm(name + "mlp.ffn_sub_norm.weight") : nil),
      down: projection(name + "mlp.down_proj", .down))
  }

  private func projection(_ name: String, _ role: ProjectionRole) -> BitLinear {
    let weight = view(name + ".weight")
    let hasBias = parameters.layout[name + ".bias"] != nil
    return BitLinear(
      role: role,
      weights: .latent(values(name + ".weight")), gradient: gradient(name + ".weight"),
      tensor: gradients?.layout.index(of: name + ".weight"),
      bias: hasBias ? values(name + ".bias") : nil,
      biasGradient: hasBias ? gradient(name + ".bias") : nil,
      inputs: weight.shape[1], outputs: weight.shape[0],
      trits: weight.isTernary
        ? TernaryWeights(
          rows: weight.shape[0], columns: weight.shape[1], memory: trits[name + ".weight"]) : nil)
  }

  private func view(_ name: String) -> ParameterView {
    guard let view = parameters.layout[name] else {
      preconditionFailure("the layout has no \(name)")
    }
    return view
  }

  private func values(_ name: String) -> UnsafePointer<Float> {
    UnsafePointer(parameters.values + view(name).offset)
  }

  private func gradient(_ name: String) -> UnsafeMutablePointer<Float>? {
    gradients.map { $0.values + view(name).offset }
  }
}
