/// A locked, greedy baseline of a teacher: what it answers, how fast, at what cost.
package struct TeacherSpec: Equatable, Sendable {
  package var teacher: TeacherSource
  package var input: TeacherInput
  /// Prompts that are asked at most.
  package var limit: Int = 100
  /// Tokens of an answer at most.
  package var maxTokens: Int = 64

  /// A baseline with the default limits.
  package init(teacher: TeacherSource, input: TeacherInput) {
    self.teacher = teacher
    self.input = input
  }

  static let table = FieldTable(
    "TeacherSpec", "A locked, greedy baseline of a teacher.",
    initial: TeacherSpec(teacher: TeacherSource(model: .unread), input: .prompts([])),
    fields: [
      .required("teacher", \.teacher, .teacher, "Who is asked."),
      .exclusive(
        \.input, .required,
        [
          Alternative(
            "prompts", .array(of: .text(1...65_536), 1...10_000), "What is asked.",
            wrap: { .prompts($0) },
            unwrap: { if case .prompts(let prompts) = $0 { prompts } else { nil } }),
          Alternative(
            "corpus", .corpus(part: .test), "The corpus whose prompts are asked.",
            wrap: { .corpus($0) },
            unwrap: { if case .corpus(let corpus) = $0 { corpus } else { nil } }),
        ]),
      .field("limit", \.limit, .integer(1...1_000_000), "Prompts that are asked at most."),
      .field("max_tokens", \.maxTokens, .integer(1...65_536), "Tokens of an answer at most."),
    ])
}

/// What a teacher is asked.
package enum TeacherInput: Equatable, Sendable {
  case prompts([String])
  /// The prompts of a corpus.
  case corpus(CorpusSource)
}
