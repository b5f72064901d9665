/// The body of `POST /v1/traces/import`.
package struct TraceImport: Equatable, Sendable {
  /// A folder of Parquet files on the daemon's machine.
  package var path: String
  /// The `tokenizer.json` whose ids they hold, on the daemon's machine.
  package var tokenizer: String
  /// Who answered, for a person.
  package var teacher: String = ""
  /// For a person; empty takes the folder's.
  package var name: String = ""

  /// A folder to be imported.
  package init(path: String, tokenizer: String) {
    self.path = path
    self.tokenizer = tokenizer
  }

  /// How the body is read.
  package static let table = FieldTable(
    "TraceImport", "Traces that another program wrote, to be taken over.",
    initial: TraceImport(path: "", tokenizer: ""),
    fields: [
      .required("path", \.path, .path, "The folder of Parquet files, on the daemon's machine."),
      .required(
        "tokenizer", \.tokenizer, .path,
        "The tokenizer.json whose ids they hold, on the daemon's machine."),
      .field("teacher", \.teacher, .text(0...200), "Who answered, for a person."),
      .field("name", \.name, .text(0...200), "For a person; empty takes the folder's."),
    ])
}
