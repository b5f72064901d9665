/// Top-K + Other traces of a teacher over a corpus (TRACES, "Two layers of Parquet").
package struct CollectSpec: Equatable, Sendable {
  package var teacher: TeacherSource
  package var corpus: CorpusSource
  /// The student's; nil is the teacher's own.
  package var tokenizer: TokenizerSource?
  /// Candidates that are kept at each position.
  package var topK: Int = 20
  /// Target tokens after which the collection stops; nil is the whole corpus.
  package var tokenBudget: Int?
  /// Money after which it stops, in the unit of the teacher's prices; nil is no limit.
  package var moneyBudget: Double?
  /// Longest sequence in tokens; longer ones are cut.
  package var sequenceLength: Int = 256
  package var batchSize: Int = 8
  /// Always 1: the stored log-probabilities are at temperature 1 (RECIPE 4).
  package var temperature: Double = 1
  package var seed: UInt64 = 1

  /// A collection with the default limits.
  package init(teacher: TeacherSource, corpus: CorpusSource) {
    self.teacher = teacher
    self.corpus = corpus
  }

  static let table = FieldTable(
    "CollectSpec", "Top-K + Other traces of a teacher over a corpus.",
    initial: CollectSpec(
      teacher: TeacherSource(model: .unread), corpus: .generated(GeneratedCorpus())),
    fields: [
      .required("teacher", \.teacher, TeacherSource.table.shape, "Who is asked."),
      .required("corpus", \.corpus, .corpus(part: .train), "What it is asked about."),
      .optional(
        "tokenizer", \.tokenizer, .tokenizer, "The student's; left out, the teacher's own."),
      .field("top_k", \.topK, .integer(0...1024), "Candidates that are kept at each position."),
      .optional(
        "token_budget", \.tokenBudget, .integer(1...1_000_000_000_000),
        "Target tokens after which it stops; left out, the whole corpus."),
      .optional(
        "money_budget", \.moneyBudget, .number(0...1e9),
        "Money after which it stops; a local teacher costs none."),
      .field(
        "sequence_length", \.sequenceLength, .integer(2...1_048_576),
        "Longest sequence in tokens; longer ones are cut."),
      .field("batch_size", \.batchSize, .integer(1...65_536), "Sequences scored at once."),
      .field(
        "temperature", \.temperature, .number(1...1),
        "Always 1: a temperature is applied in training, not in the traces."),
      .field("seed", \.seed, .seed, "Of whatever is drawn at random."),
    ])
}
