/// One tensor inside the region of all parameters.
package struct ParameterView: Equatable, Sendable {
  /// Hugging Face's name, such as `model.layers.0.self_attn.q_proj.weight`.
  package let name: String
  /// `[outputs, inputs]` of a projection, `[V, d]` of an embedding, `[width]` of a gain or a bias.
  package let shape: [Int]
  /// Elements before the tensor in the region, a multiple of 16 (64 bytes).
  package let offset: Int
  /// Elements of the tensor.
  package let count: Int
  /// Elements from `offset` to the next tensor.
  var paddedCount: Int { (count + 15) / 16 * 16 }
  /// Whether weight decay applies: matrices, not gains and biases.
  package var isMatrix: Bool { shape.count == 2 }
  /// Whether a BitLinear rounds it to trits.
  package let isTernary: Bool
}

/// Where every parameter of a model lies in one contiguous region.
///
/// Gradients and optimizer moments lie in regions of the same order. The gaps that round a tensor up
/// to 64 bytes hold zeros, in all of them and for ever.
package struct ParameterLayout: Equatable, Sendable {
  /// In the order of the region: embedding, blocks, final norm, head.
  package let views: [ParameterView]
  /// Elements of the region, gaps included.
  package let count: Int
  /// The tensors of every block, as ranges of `views`.
  let blocks: [Range<Int>]
  /// The tensors behind the blocks: the final norm, and the head where there is one.
  var viewsAfterBlocks: Range<Int> { (blocks.last?.upperBound ?? 1)..<views.count }
  private let indices: [String: Int]

  /// The layout of a model of `configuration`.
  package init(_ configuration: ModelConfiguration) {
    var views: [ParameterView] = []
    var count = 0
    var blocks: [Range<Int>] = []
    func add(_ name: String, _ shape: [Int], isTernary: Bool = false) {
      let elements = shape.reduce(1, *)
      views.append(
        ParameterView(
          name: name, shape: shape, offset: count, count: elements, isTernary: isTernary))
      count += (elements + 15) / 16 * 16
    }
    let width = configuration.hiddenSize
    let (queries, keysAndValues) = (configuration.queryWidth, configuration.keyValueWidth)
    let inner = configuration.intermediateSize
    let isTernary = configuration.quantization == .ternary
    add("model.embed_tokens.weight", [configuration.vocabSize, width])
    for index in 0..<configuration.numHiddenLayers {
      let block = "model.layers.\(index)."
      let first = views.count
      add(block + "input_layernorm.weight", [width])
      for (name, outputs) in [
        ("q_proj", queries), ("k_proj", keysAndValues), ("v_proj", keysAndValues),
      ] {
        add(block + "self_attn.\(name).weight", [outputs, width], isTernary: isTernary)
        if configuration.attentionBias { add(block + "self_attn.\(name).bias", [outputs]) }
      }
      if configuration.qkNorm {
        add(block + "self_attn.q_norm.weight", [configuration.headDim])
        add(block + "self_attn.k_norm.weight", [configuration.headDim])
      }
      if configuration.subNorm { add(block + "self_attn.attn_sub_norm.weight", [queries]) }
      add(block + "self_attn.o_proj.weight", [width, queries], isTernary: isTernary)
      if configuration.outputBias { add(block + "self_attn.o_proj.bias", [width]) }
      add(block + "post_attention_layernorm.weight", [width])
      for name in ["gate_proj", "up_proj"] {
        add(block + "mlp.\(name).weight", [inner, width], isTernary: isTernary)
        if configuration.mlpBias { add(block + "mlp.\(name).bias", [inner]) }
      }
      if configuration.subNorm { add(block + "mlp.ffn_sub_norm.weight", [inner]) }
      add(block + "mlp.down_proj.weight", [width, inner], isTernary: isTernary)
      if configuration.mlpBias { add(block + "mlp.down_proj.bias", [width]) }
      blocks.append(first..<views.count)
    }
    add("model.norm.weight", [width])
    if !configuration.tieWordEmbeddings {
      add("lm_head.weight", [configuration.vocabSize, width])
    }
    self.views = views
    self.count = count
    self.blocks = blocks
    indices = Dictionary(uniqueKeysWithValues: views.enumerated().map { ($1.name, $0) })
  }

  /// The head's weights, which are the embedding's when they are tied.
  package var head: ParameterView { self["lm_head.weight"] ?? views[0] }

  /// The place among `views` of the tensor of that name; nil when the model has none.
  func index(of name: String) -> Int? { indices[name] }

  /// The tensor of that name; nil when the model has none.
  package subscript(name: String) -> ParameterView? {
    indices[name].map { views[$0] }
  }
}
