/// On-policy distillation: in some steps the student writes, and the teacher scores.
package struct OnPolicySpec: Equatable, Sendable {
  /// Every how many steps; 1 is always.
  package var every: Int = 2
  /// Tokens of an answer at most.
  package var maxTokens: Int = 64
  /// Of the student's sampling; 0 is greedy.
  package var temperature: Double = 1

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "OnPolicy", "In some steps the student writes, and the teacher scores what it wrote.",
    initial: OnPolicySpec(),
    fields: [
      .field("every", \.every, .integer(1...1_000_000), "Every how many steps; 1 is always."),
      .field(
        "max_tokens", \.maxTokens, .integer(1...65_536), "Tokens of an answer at most."),
      .field(
        "temperature", \.temperature, .number(0...100), "Of the student's sampling; 0 is greedy."),
    ])
}
