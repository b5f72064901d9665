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
  /// Requests after which it stops, of a teacher that others serve; nil is no limit.
  package var requestBudget: Int?
  /// What a teacher that others serve is asked for; a local one scores the corpus.
  package var purpose: CollectPurpose = .answer
  /// Tokens of an answer at most.
  package var maxTokens: Int = 256
  /// At which a teacher that others serve samples its answers.
  package var samplingTemperature: Double = 1
  /// How candidates become tokens of a student whose tokenizer is not the teacher's.
  package var projection: CollectProjection = .contextual
  /// Ids drawn for the mass outside of the `top_k` largest, of a local teacher; 0 keeps it as Other.
  package var sampledDraws: Int = 0
  /// Bits of a stored log-probability.
  package var logprobBits: CollectLogprobBits = .all
  /// How strongly candidate lists are compressed.
  package var zstdLevel: Int = 1
  /// How a local teacher's products round; nil is as its weights are stored.
  package var teacherPrecision: TeacherPrecision?
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
    check: { spec, pointer in
      guard spec.topK == 0, spec.sampledDraws == 0 else { return [] }
      let detail =
        "expected 1 or more: a trace without candidates says nothing of the teacher; 0 goes with "
        + "sampled_draws only"
      return [pointer.member("top_k").fault(detail)]
    },
    fields: [
      .required("teacher", \.teacher, .teacher, "Who is asked."),
      .required("corpus", \.corpus, .corpus(part: .train), "What it is asked about."),
      .optional(
        "tokenizer", \.tokenizer, .tokenizer, "The student's; left out, the teacher's own."),
      .field(
        "top_k", \.topK, .integer(0...1024),
        "Candidates that are kept at each position; 0 with sampled_draws only."),
      .optional(
        "token_budget", \.tokenBudget, .integer(1...1_000_000_000_000),
        "Target tokens after which it stops; left out, the whole corpus."),
      .optional(
        "money_budget", \.moneyBudget, .number(0...1e9),
        "Money after which it stops; a local teacher costs none."),
      .optional(
        "request_budget", \.requestBudget, .integer(1...1_000_000_000),
        "Requests to a hosted teacher after which it stops."),
      .field(
        "purpose", \.purpose, .choice,
        "Whether a hosted teacher answers the prompts or scores the texts; a local one scores."),
      .field(
        "max_tokens", \.maxTokens, .integer(1...65_536),
        "Tokens of a hosted teacher's answer at most."),
      .field(
        "sampling_temperature", \.samplingTemperature, .number(0...2),
        "At which a hosted teacher samples its answers; what is stored is at temperature 1."),
      .field(
        "projection", \.projection, .choice,
        "How candidates become tokens of a student with another tokenizer."),
      .field(
        "sampled_draws", \.sampledDraws, .integer(0...1023),
        "Ids that a local teacher draws for the mass outside of the top_k largest, unbiased; with 0 "
          + "that mass is Other."),
      .field(
        "logprob_bits", \.logprobBits, .choice,
        "Bits of a stored log-probability: all of float32, or float16's."),
      .field(
        "zstd_level", \.zstdLevel, .integer(1...22),
        "How strongly candidate lists are compressed."),
      .optional(
        "teacher_precision", \.teacherPrecision, .choice,
        "How a local teacher's products round; left out, as its weights are stored."),
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

/// What a hosted teacher does with the corpus.
package enum CollectPurpose: String, CaseIterable, Sendable {
  /// Answers its prompts.
  case answer
  /// Says how likely its texts are.
  case score
}

/// How a teacher's candidates become a student's tokens (TRACES).
package enum CollectProjection: String, CaseIterable, Sendable {
  /// In the text's context, by the design's rules.
  case contextual
  /// The published rule: each candidate encoded by itself, its first token.
  case legacyFirstSubtoken = "legacy_first_subtoken"
}

/// Bits of a stored log-probability.
package enum CollectLogprobBits: String, CaseIterable, Sendable {
  case sixteen = "16"
  case all = "32"
}

/// How products round.
package enum TeacherPrecision: String, CaseIterable, Sendable {
  case fp32, bf16
}
