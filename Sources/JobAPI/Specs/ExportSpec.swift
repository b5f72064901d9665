/// A model in another format.
package struct ExportSpec: Equatable, Sendable {
  package var model: ModelReference
  package var format: ExportFormat

  /// An export of a model.
  package init(model: ModelReference, format: ExportFormat) {
    self.model = model
    self.format = format
  }

  static let table = FieldTable(
    "ExportSpec", "A model in another format.",
    initial: ExportSpec(model: .unread, format: .huggingFace),
    fields: [
      .required("model", \.model, .modelReference, "What is exported."),
      .required("format", \.format, .choice, "Into what."),
    ])
}

/// Formats that other programs read.
package enum ExportFormat: String, CaseIterable, Sendable {
  case gguf
  case huggingFace = "huggingface"
}
