/// The tokenizer of a model.
package enum TokenizerSource: Equatable, Sendable {
  /// A `tokenizer.json` on the daemon's machine.
  case file(path: String)
  /// The tokenizer of another model.
  case model(ModelReference)
  /// A byte-level BPE trained on the job's corpus before anything else.
  case trained(vocabularySize: Int)
}

/// What a tokenizer is trained to.
private struct TokenizerTraining: Sendable {
  var vocabularySize = 2048

  static let table = FieldTable(
    "TokenizerTraining", "A byte-level BPE, trained on the train part of the corpus.",
    initial: TokenizerTraining(),
    fields: [
      .required(
        "vocab_size", \.vocabularySize, .integer(260...1_000_000),
        "Entries, the 256 bytes and the special tokens among them.")
    ])
}

/// One of three names; see `TokenizerSource`.
private struct TokenizerChoice: Sendable {
  var source: TokenizerSource = .file(path: "")

  static let table = FieldTable(
    "TokenizerSource", "A tokenizer: a file, that of a model, or one to be trained.",
    initial: TokenizerChoice(),
    fields: [
      .exclusive(
        \.source, .required,
        [
          Alternative(
            "path", .path, "A tokenizer.json on the daemon's machine.", wrap: { .file(path: $0) },
            unwrap: { if case .file(let path) = $0 { path } else { nil } }),
          Alternative(
            "model", .modelReference, "The model whose tokenizer it is.", wrap: { .model($0) },
            unwrap: { if case .model(let model) = $0 { model } else { nil } }),
          Alternative(
            "train", TokenizerTraining.table.shape, "Train one on the corpus.",
            wrap: { .trained(vocabularySize: $0.vocabularySize) },
            unwrap: {
              if case .trained(let size) = $0 {
                TokenizerTraining(vocabularySize: size)
              } else {
                nil
              }
            }),
        ])
    ])
}

extension Shape where Value == TokenizerSource {
  /// A tokenizer: `{"path"}`, `{"model"}` or `{"train": {"vocab_size"}}`.
  package static var tokenizer: Shape {
    let shape = TokenizerChoice.table.shape
    return Shape(
      read: { json, _, pointer, errors in shape.read(json, nil, pointer, &errors)?.source },
      write: { shape.write(TokenizerChoice(source: $0)) }, schema: shape.schema)
  }
}
