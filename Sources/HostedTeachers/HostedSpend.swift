/// What was spent on a teacher: all attempts count, also those whose replies could not be used.
package struct HostedSpend: Equatable, Sendable {
  /// Requests that were sent.
  package var requests = 0
  /// Tokens of prompts that were billed.
  package var promptTokens = 0
  /// Tokens of answers that were billed.
  package var completionTokens = 0

  /// Nothing.
  package init() {}

  /// All tokens.
  package var tokens: Int { promptTokens + completionTokens }

  /// Both together.
  package static func + (left: HostedSpend, right: HostedSpend) -> HostedSpend {
    var sum = left
    sum.requests += right.requests
    sum.promptTokens += right.promptTokens
    sum.completionTokens += right.completionTokens
    return sum
  }
}

/// What a provider charges, in any currency.
package struct HostedPrices: Equatable, Sendable {
  /// For a million tokens of prompts.
  package var promptPerMillion: Double
  /// For a million tokens of answers.
  package var completionPerMillion: Double

  /// Prices, 0 or more.
  package init(promptPerMillion: Double = 0, completionPerMillion: Double = 0) {
    self.promptPerMillion = promptPerMillion
    self.completionPerMillion = completionPerMillion
  }

  /// What `spend` costs.
  package func cost(of spend: HostedSpend) -> Double {
    (Double(spend.promptTokens) * promptPerMillion
      + Double(spend.completionTokens) * completionPerMillion) / 1e6
  }
}

/// What may be spent in all runs of a collection together; nil is without a limit.
package struct HostedBudget: Equatable, Sendable {
  package var requests: Int?
  package var tokens: Int?
  /// In the unit of the prices.
  package var money: Double?

  /// No limits.
  package init() {}

  /// Whether `spend` stays within.
  package func allows(_ spend: HostedSpend, at prices: HostedPrices) -> Bool {
    spend.requests <= requests ?? .max && spend.tokens <= tokens ?? .max
      && prices.cost(of: spend) <= money ?? .infinity
  }
}

/// Guesses tokens before they are billed, from what was billed so far.
struct TokenEstimate {
  private var bytes = 0
  private var tokens = 0

  mutating func learn(bytes: Int, tokens: Int) {
    self.bytes += bytes
    self.tokens += tokens
  }

  /// Tokens of a prompt, rather too many: a tenth more than usual, and some for the chat template.
  func promptTokens(bytes count: Int) -> Int {
    // Two bytes a token is more tokens than English, code or most scripts have.
    let perByte = bytes > 10_000 ? 1.1 * Double(tokens) / Double(bytes) : 0.5
    return Int((Double(count) * perByte).rounded(.up)) + 32
  }
}
