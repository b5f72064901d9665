/// The body of `POST /v1/models/import`.
package struct ModelImport: Equatable, Sendable {
  /// A checkpoint directory, or a GGUF file, on the daemon's machine.
  package var path: String
  /// For a person; empty takes the directory's.
  package var name: String

  /// A directory to be imported.
  package init(path: String, name: String = "") {
    self.path = path
    self.name = name
  }

  /// How the body is read.
  package static let table = FieldTable(
    "ModelImport", "A checkpoint directory or a GGUF file to be made known.",
    initial: ModelImport(path: ""),
    fields: [
      .required("path", \.path, .path, "The directory, or a GGUF file, on the daemon's machine."),
      .field("name", \.name, .text(0...200), "For a person; empty takes the directory's."),
    ])
}
