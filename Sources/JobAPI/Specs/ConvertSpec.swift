/// A full-precision model made ready to become a ternary student (RECIPE 7, stage 1).
package struct ConvertSpec: Equatable, Sendable {
  package var model: ModelReference
  /// What the copy's projections compute with.
  package var quantization: Quantization = .ternary
  /// Which norms the copy has beyond the model's own.
  package var norms: ConvertNorms = .two
  /// Whether the inputs of `o_proj` and `down_proj` are rotated before they are quantized.
  package var usesHadamard: Bool = false
  /// Nil leaves out what only text can show.
  package var corpus: CorpusSource?
  /// Tokens of a scored piece of plain text.
  package var sequenceLength: Int = 256
  /// Pieces or pairs of the corpus that are scored at most.
  package var maxExamples: Int = 64

  /// The default conversion of a model.
  package init(model: ModelReference) {
    self.model = model
  }

  static let table = FieldTable(
    "ConvertSpec", "A full-precision model made ready to become a ternary student.",
    initial: ConvertSpec(model: .unread),
    check: { spec, pointer in
      var errors: [FieldError] = []
      if spec.norms == .all {
        errors.append(
          pointer.member("norms").fault(
            "\"all\" is not built: with the block's own norms, \"two\" already puts a norm before"
              + " each of the seven projections (docs/decisions/0016-two-norms.md)"))
      }
      if spec.usesHadamard, spec.quantization == .none {
        errors.append(
          pointer.member("block_hadamard").fault(
            "expected false: without ternary projections nothing is rotated"))
      }
      return errors
    },
    fields: [
      .required("model", \.model, .modelReference, "The full-precision model that is copied."),
      .field(
        "quantization", \.quantization, .choice, "What the copy's projections compute with."),
      .field(
        "norms", \.norms, .choice,
        "Which norms the copy has beyond the model's own; new ones have weight 1."),
      .field(
        "block_hadamard", \.usesHadamard, .boolean,
        "Rotates the inputs of o_proj and down_proj before they are quantized, as 4-bit activations"
          + " need it, and the weights with them."),
      .optional(
        "corpus", \.corpus, .corpus(part: .validation),
        "Text on which the model before and after is compared."),
      .field(
        "sequence_length", \.sequenceLength, .integer(2...1_048_576),
        "Tokens of a scored piece of plain text, at most what fits the model."),
      .field(
        "max_examples", \.maxExamples, .integer(1...100_000),
        "Pieces or pairs of the corpus that are scored at most."),
    ])
}

/// The norms that a conversion adds.
package enum ConvertNorms: String, CaseIterable, Sendable {
  /// SubLN: on the inputs of `o_proj` and of `down_proj`.
  case two
  /// One of its own for each of the seven projections.
  case all
}
