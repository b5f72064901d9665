internal import Kernels
internal import Transformer

/// Where a model's tensors come from, by their Hugging Face names.
protocol TensorSource {
  associatedtype Failure: Error

  /// A gain or a bias; nil when models of this configuration have none of this name.
  func vector(_ name: String) throws(Failure) -> [Float]?

  /// An embedding or a head.
  func embedding(_ name: String) throws(Failure) -> DenseWeights

  /// A projection's weights and bias, `name` without `.weight`.
  func projection(_ name: String) throws(Failure) -> Projection
}

extension TensorSource {
  /// One block of a model whose layout has all that a block must have.
  func block(_ index: Int) throws(Failure) -> InferenceBlock {
    let name = "model.layers.\(index)."
    return InferenceBlock(
      attentionGain: try vector(name + "input_layernorm.weight") ?? [],
      query: try projection(name + "self_attn.q_proj"),
      key: try projection(name + "self_attn.k_proj"),
      value: try projection(name + "self_attn.v_proj"),
      queryGain: try vector(name + "self_attn.q_norm.weight"),
      keyGain: try vector(name + "self_attn.k_norm.weight"),
      attendedGain: try vector(name + "self_attn.attn_sub_norm.weight"),
      output: try projection(name + "self_attn.o_proj"),
      mlpGain: try vector(name + "post_attention_layernorm.weight") ?? [],
      gate: try projection(name + "mlp.gate_proj"), up: try projection(name + "mlp.up_proj"),
      productGain: try vector(name + "mlp.ffn_sub_norm.weight"),
      down: try projection(name + "mlp.down_proj"))
  }
}

extension InferenceModel {
  /// A model of what a source has.
  convenience init<Source: TensorSource>(
    _ configuration: ModelConfiguration, from source: Source
  ) throws(Source.Failure) {
    var blocks: [InferenceBlock] = []
    for index in 0..<configuration.numHiddenLayers { blocks.append(try source.block(index)) }
    var head: DenseWeights?
    if !configuration.tieWordEmbeddings { head = try source.embedding("lm_head.weight") }
    self.init(
      configuration: configuration,
      embedding: try source.embedding("model.embed_tokens.weight"), head: head, blocks: blocks,
      finalGain: try source.vector("model.norm.weight") ?? [])
  }
}

/// Packs trained parameters.
struct ParameterSource: TensorSource {
  let parameters: Parameters
  let projections: DenseWeights.Storage
  let embeddings: DenseWeights.Storage
  let team: ComputeTeam

  func vector(_ name: String) throws(Never) -> [Float]? { parameters[name].map { Array($0) } }

  func embedding(_ name: String) throws(Never) -> DenseWeights { dense(name, embeddings) }

  func projection(_ name: String) throws(Never) -> Projection {
    let (view, values) = tensor(name + ".weight")
    let weights: Projection.Weights =
      view.isTernary
      ? .packed(
        PackedTernary(quantizing: values, rows: view.shape[0], columns: view.shape[1], team: team))
      : .dense(dense(name + ".weight", projections))
    return Projection(weights: weights, bias: vector(name + ".bias"))
  }

  private func dense(_ name: String, _ storage: DenseWeights.Storage) -> DenseWeights {
    let (view, values) = tensor(name)
    return DenseWeights(
      values, rows: view.shape[0], columns: view.shape[1], storage: storage, team: team)
  }

  private func tensor(_ name: String) -> (view: ParameterView, values: UnsafePointer<Float>) {
    guard let view = parameters.layout[name] else {
      preconditionFailure("the layout of this configuration has no \(name)")
    }
    return (view, UnsafePointer(parameters.values + view.offset))
  }
}
