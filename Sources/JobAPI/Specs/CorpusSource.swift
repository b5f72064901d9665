/// Text to learn from or to be judged by.
package enum CorpusSource: Equatable, Sendable {
  case file(FileCorpus)
  case generated(GeneratedCorpus)
  case task(TaskCorpus)

  /// Which part of it is used.
  package var part: CorpusPartName {
    switch self {
    case .file(let corpus): corpus.part
    case .generated(let corpus): corpus.part
    case .task(let corpus): corpus.part
    }
  }
}

/// A part of a corpus; no example is in two.
package enum CorpusPartName: String, CaseIterable, Sendable {
  case train, validation, test
}

/// A file of text (`.txt`) or of prompt and completion pairs (`.jsonl`).
package struct FileCorpus: Equatable, Sendable {
  /// On the daemon's machine; absolute, or relative to its data folder.
  package var path: String
  package var part: CorpusPartName = .train
  /// Share of the text before the test part, 0 to 0.5.
  package var validationFraction: Double = 0.05
  /// Share of the text at its end, 0 to 0.5.
  package var testFraction: Double = 0.05

  /// A file, split by the default shares.
  package init(path: String, part: CorpusPartName = .train) {
    self.path = path
    self.part = part
  }

  static func table(part: CorpusPartName) -> FieldTable<FileCorpus> {
    FieldTable(
      "FileCorpus", "A file of text, or of prompt and completion pairs.",
      initial: FileCorpus(path: "", part: part),
      fields: [
        .required(
          "path", \.path, .path,
          "A .txt file, or a .jsonl file of {\"prompt\", \"completion\"}, on the daemon's machine."
        ),
        .field("part", \.part, .choice, "Which part of it."),
        .field(
          "validation_fraction", \.validationFraction, .number(0...0.5),
          "Share that is the validation part; it lies before the test part."),
        .field(
          "test_fraction", \.testFraction, .number(0...0.5),
          "Share that is the test part; it lies at the end."),
      ])
  }
}

/// A corpus made by a deterministic generator of this program.
package struct GeneratedCorpus: Equatable, Sendable {
  package var generator: CorpusGenerator = .toolCalls
  package var seed: UInt64 = 1
  /// Pairs in all parts together.
  package var count: Int = 20_000
  package var part: CorpusPartName = .train

  /// The defaults.
  package init(
    generator: CorpusGenerator = .toolCalls, seed: UInt64 = 1, count: Int = 20_000,
    part: CorpusPartName = .train
  ) {
    self.generator = generator
    self.seed = seed
    self.count = count
    self.part = part
  }

  static func table(part: CorpusPartName) -> FieldTable<GeneratedCorpus> {
    FieldTable(
      "GeneratedCorpus", "A corpus made by a deterministic generator.",
      initial: GeneratedCorpus(part: part),
      fields: [
        .required("generator", \.generator, .choice, "Requests and the JSON tool calls they mean."),
        .field("seed", \.seed, .seed, "The same seed and count give the same corpus."),
        .field("count", \.count, .integer(20...200_000), "Pairs in all parts together."),
        .field("part", \.part, .choice, "Which part of it."),
      ])
  }
}

/// The generators of this program.
package enum CorpusGenerator: String, CaseIterable, Sendable {
  case toolCalls = "tool_calls"
}

extension Shape where Value == CorpusSource {
  /// A corpus whose part, unless said, is `part`.
  package static func corpus(part: CorpusPartName) -> Shape {
    variants(
      "a corpus",
      [
        Variant(key: "path", FileCorpus.table(part: part), wrap: { .file($0) }) {
          if case .file(let corpus) = $0 { corpus } else { nil }
        },
        Variant(key: "generator", GeneratedCorpus.table(part: part), wrap: { .generated($0) }) {
          if case .generated(let corpus) = $0 { corpus } else { nil }
        },
        Variant(key: "task", TaskCorpus.table(part: part), wrap: { .task($0) }) {
          if case .task(let corpus) = $0 { corpus } else { nil }
        },
      ])
  }
}
