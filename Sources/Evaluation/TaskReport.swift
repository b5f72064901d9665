/// How well one model did one task.
package struct TaskReport: Codable, Equatable, Sendable {
  /// One figure, and where it would lie had other examples been drawn.
  package struct Figure: Codable, Equatable, Sendable {
    /// The metric's name, as `accuracy`.
    package var metric: String
    @Measured package var value: Double?
    /// The bootstrap's interval of 95 %; null for fewer than two examples.
    @Measured package var lower: Double?
    @Measured package var upper: Double?

    package init(metric: String, value: Double?, interval: ConfidenceInterval? = nil) {
      self.metric = metric
      self.value = value
      lower = interval?.lower
      upper = interval?.upper
    }
  }

  /// One answer, for people to read.
  package struct Sample: Codable, Equatable, Sendable {
    package var prompt: String
    package var expected: String
    package var answer: String

    package init(prompt: String, expected: String, answer: String) {
      self.prompt = prompt
      self.expected = expected
      self.answer = answer
    }
  }

  package var name: String
  package var examples: Int
  /// Of prompts, options and answers: equal for the same questions only.
  package var examplesSha256: String
  /// In the order in which the task's description names them.
  package var figures: [Figure]
  /// Prompts whose longest column was cut, as they did not fit the model.
  package var cutPrompts: Int
  /// Examples that got no answer, as a logit was not finite: anything but 0 is a broken model.
  package var unanswered: Int
  /// Tokens that were computed, prompts and answers together, and what they took.
  package var tokens: Int
  package var seconds: Double
  package var samples: [Sample]

  package init(
    name: String, examples: Int, examplesSha256: String, figures: [Figure], cutPrompts: Int,
    unanswered: Int, tokens: Int,
    seconds: Double, samples: [Sample]
  ) {
    self.name = name
    self.examples = examples
    self.examplesSha256 = examplesSha256
    self.figures = figures
    self.cutPrompts = cutPrompts
    self.unanswered = unanswered
    self.tokens = tokens
    self.seconds = seconds
    self.samples = samples
  }

  /// The figure of a metric; nil when the task has none of this name, or it was not measured.
  package func value(of metric: String) -> Double? {
    figures.first { $0.metric == metric }?.value
  }

  /// Tokens a second, over the whole task.
  package var tokensPerSecond: Double? { seconds > 0 ? Double(tokens) / seconds : nil }
}
