/// What becomes of a request, in this order: `prompt` when it was asked for, any number of `token`,
/// and one of `finished` and `failed` at the end.
package enum GenerationEvent: Equatable, Sendable {
  /// One entry per prompt token; nil for the first, which nothing predicts.
  case prompt([TokenLogprobs?])
  /// The next token of the answer, with its log-probabilities when they were asked for.
  case token(Int32, TokenLogprobs?)
  case finished(GenerationFinish, GenerationUsage)
  case failed(GenerationFailure)
}

/// Whether the receiver of an event wants more. Said for `token` only.
package enum GenerationAppetite: Equatable, Sendable {
  case more
  /// The answer ends here, as a stop token would have ended it.
  case enough
}

/// Log-probabilities of one place of a text: of the model's own distribution, before bias,
/// penalties, constraint and temperature.
package struct TokenLogprobs: Equatable, Sendable {
  /// One token that could stand there.
  package struct Candidate: Equatable, Sendable {
    package let token: Int32
    /// Natural logarithm.
    package let logprob: Float
  }

  /// Of the token that stands there.
  package let logprob: Float
  /// The most probable tokens, falling.
  package let top: [Candidate]
}

/// Why an answer ended.
package enum GenerationFinish: String, Equatable, Sendable {
  /// A stop token came, or the receiver had enough.
  case stop
  /// `maximumNewTokens` came, or the context is full.
  case length
  /// `cancel` was called.
  case cancelled
}

/// Why an answer could not go on.
package enum GenerationFailure: Error, Equatable, Sendable {
  /// The logits are not numbers: a damaged model.
  case notFinite
  /// The constraint allows no token.
  case constraintDeadEnd
}

/// What a request took.
package struct GenerationUsage: Equatable, Sendable {
  package var promptTokens = 0
  /// Of the prompt's, those whose keys and values were there already.
  package var reusedPromptTokens = 0
  /// Tokens of the answer, a stop token not counted.
  package var answerTokens = 0
  /// From submission to the first step that worked on it, and from there to the first token, and
  /// from there to the last.
  package var queueSeconds = 0.0
  package var prefillSeconds = 0.0
  package var decodeSeconds = 0.0

  package init() {}
}
