package import Jobs

/// Numbers of a model's shape, under the names of Hugging Face's `config.json`; nil leaves the
/// preset's.
package struct ModelOverrides: Equatable, Sendable {
  package var vocabSize: Int?
  package var hiddenSize: Int?
  package var intermediateSize: Int?
  package var numHiddenLayers: Int?
  package var numAttentionHeads: Int?
  package var numKeyValueHeads: Int?
  package var headDim: Int?
  package var maxPositionEmbeddings: Int?
  package var ropeTheta: Double?
  package var rmsNormEps: Double?
  package var hiddenAct: HiddenActivation?
  package var tieWordEmbeddings: Bool?
  package var qkNorm: Bool?
  package var attentionBias: Bool?
  package var subNorm: Bool?
  package var quantization: Quantization?

  /// No number changed.
  package init() {}

  /// The numbers that are set, to be laid over a configuration's JSON.
  package var json: JSONValue { Self.table.write(self) }

  static let table = FieldTable(
    "ModelShape", "A model's shape, under the names of Hugging Face's config.json.",
    initial: ModelOverrides(), fields: fields)

  /// The fields, also for larger objects that hold a shape.
  static let fields: [Field<ModelOverrides>] =
    [
      .optional(
        "vocab_size", \.vocabSize, .integer(1...2_000_000),
        "Entries of the vocabulary; left out, that of the tokenizer."),
      .optional(
        "hidden_size", \.hiddenSize, .integer(1...65_536), "Width of the stream."),
      .optional(
        "intermediate_size", \.intermediateSize, .integer(1...262_144),
        "Width of the gated MLP."),
      .optional(
        "num_hidden_layers", \.numHiddenLayers, .integer(1...1024), "Blocks."),
      .optional(
        "num_attention_heads", \.numAttentionHeads, .integer(1...1024),
        "Query heads."),
      .optional(
        "num_key_value_heads", \.numKeyValueHeads, .integer(1...1024),
        "Key and value heads; divides the query heads."),
      .optional("head_dim", \.headDim, .integer(1...4096), "Width of a head."),
      .optional(
        "max_position_embeddings", \.maxPositionEmbeddings,
        .integer(1...1_048_576), "Longest sequence."),
      .optional(
        "rope_theta", \.ropeTheta, .number(above: 0, through: 1e9),
        "Base of the rotary embedding."),
      .optional(
        "rms_norm_eps", \.rmsNormEps, .number(above: 0, through: 1),
        "Added to the mean square in RMSNorm."),
      .optional("hidden_act", \.hiddenAct, .choice, "Activation of the MLP's gate."),
      .optional(
        "tie_word_embeddings", \.tieWordEmbeddings, .boolean,
        "Whether the head is the embedding."),
      .optional("qk_norm", \.qkNorm, .boolean, "RMSNorm of queries and keys."),
      .optional(
        "attention_bias", \.attentionBias, .boolean,
        "Biases on the query, key and value projections."),
      .optional(
        "sub_norm", \.subNorm, .boolean,
        "SubLN: RMSNorm before o_proj and down_proj."),
      .optional(
        "quantization", \.quantization, .choice,
        "Whether the projections are ternary."),
    ]
}
