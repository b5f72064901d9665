/// A model in another format.
package struct ExportSpec: Equatable, Sendable {
  package var model: ModelReference
  package var format: ExportFormat
  /// Nil takes what fits the model.
  package var weights: ExportWeights?
  /// How a GGUF file keeps embeddings and head.
  package var embeddings: ExportEmbeddings

  /// An export of a model.
  package init(
    model: ModelReference, format: ExportFormat, weights: ExportWeights? = nil,
    embeddings: ExportEmbeddings = .f16
  ) {
    self.model = model
    self.format = format
    self.weights = weights
    self.embeddings = embeddings
  }

  static let table = FieldTable(
    "ExportSpec", "A model in another format (docs/formats.md).",
    initial: ExportSpec(model: .unread, format: .huggingFace),
    check: { spec, pointer in
      guard let weights = spec.weights, !weights.formats.contains(spec.format) else { return [] }
      let known = ExportWeights.allCases.filter { $0.formats.contains(spec.format) }
      let names = known.map(\.rawValue).joined(separator: ", ")
      return [
        pointer.member("weights").fault(
          "the format \(spec.format.rawValue) has no \(weights.rawValue); it has \(names)")
      ]
    },
    fields: [
      .required("model", \.model, .modelReference, "What is exported."),
      .required("format", \.format, .choice, "Into what."),
      .optional(
        "weights", \.weights, .choice,
        "How the blocks' matrices are stored; left out, gguf takes tq2_0 for ternary models and f16"
          + " for others, huggingface bf16."),
      .field(
        "embeddings", \.embeddings, .choice,
        "How gguf stores the embedding and the head."),
    ])
}

/// Formats that other programs read.
package enum ExportFormat: String, CaseIterable, Sendable {
  case gguf
  case huggingFace = "huggingface"
}

/// How an exported file stores matrices. A test holds them against the ModelFormats module's.
package enum ExportWeights: String, CaseIterable, Sendable {
  case tq2_0, tq1_0, i2_s, f32, f16, bf16, q8_0, packed

  /// The formats that have it.
  var formats: [ExportFormat] {
    switch self {
    case .tq2_0, .tq1_0, .i2_s, .f16, .q8_0: [.gguf]
    case .packed: [.huggingFace]
    case .f32, .bf16: [.gguf, .huggingFace]
    }
  }
}

/// How an exported GGUF file stores embeddings.
package enum ExportEmbeddings: String, CaseIterable, Sendable {
  case f32, f16, bf16, q8_0
}
