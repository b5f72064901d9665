/// One answer that somebody wants from a `GenerationEngine`.
package struct GenerationRequest: Sendable {
  /// The prompt, at least one token.
  package var tokens: [Int32]
  /// Tokens of the answer, at most; fewer come when the context is full. 0 only reads the prompt.
  package var maximumNewTokens: Int
  package var sampling: SamplingOptions
  /// Tokens that end the answer; none of them is part of it.
  package var stopTokens: Set<Int32>
  /// nil: no log-probabilities. Else those of the answer's tokens, and of this many of the most
  /// probable tokens in each place; 0 ... 64.
  package var topLogprobs: Int?
  /// Whether the prompt's own log-probabilities are wanted as well.
  package var wantsPromptLogprobs: Bool
  /// nil: any text.
  package var constraint: (any TokenConstraint)?

  package init(
    tokens: [Int32], maximumNewTokens: Int, sampling: SamplingOptions = SamplingOptions(),
    stopTokens: Set<Int32> = [], topLogprobs: Int? = nil, wantsPromptLogprobs: Bool = false,
    constraint: (any TokenConstraint)? = nil
  ) {
    self.tokens = tokens
    self.maximumNewTokens = maximumNewTokens
    self.sampling = sampling
    self.stopTokens = stopTokens
    self.topLogprobs = topLogprobs
    self.wantsPromptLogprobs = wantsPromptLogprobs
    self.constraint = constraint
  }

  /// The most that `topLogprobs` may ask for.
  package static let maximumTopLogprobs = 64
}

/// What an engine takes on.
package struct GenerationLimits: Equatable, Sendable {
  /// Sequences that run at the same time.
  package var maximumSequences: Int
  /// Positions of one sequence, prompt and answer.
  package var maximumContext: Int
  /// Requests that wait beside those that run.
  package var maximumQueue: Int
  /// Positions of all sequences together, prompts kept for reuse among them; nil:
  /// `maximumSequences` × `maximumContext`.
  package var cachePositions: Int?
  package var cachePrecision: CachePrecision
  /// Prompt tokens that run in one step, at most; fewer when others decode beside.
  package var prefillChunk: Int

  package init(
    maximumSequences: Int = 8, maximumContext: Int = 4096, maximumQueue: Int = 64,
    cachePositions: Int? = nil, cachePrecision: CachePrecision = .fp16, prefillChunk: Int = 256
  ) {
    self.maximumSequences = maximumSequences
    self.maximumContext = maximumContext
    self.maximumQueue = maximumQueue
    self.cachePositions = cachePositions
    self.cachePrecision = cachePrecision
    self.prefillChunk = prefillChunk
  }

  /// Positions that one sequence can have: it must fit into the cache alone.
  package var longestSequence: Int { min(maximumContext, cachePositions ?? .max) }
}

/// Why an engine does not take a request.
package enum GenerationRefusal: Error, Equatable, Sendable {
  /// There is nothing to predict from.
  case emptyPrompt
  /// A token id that the model does not have.
  case tokenOutOfRange(token: Int32, vocabularySize: Int)
  /// The prompt leaves no room for an answer.
  case promptTooLong(tokens: Int, maximumContext: Int)
  /// An option out of its range.
  case invalidOption(name: String, expected: String)
  /// As many wait as may. Safe to try again later.
  case queueFull(limit: Int)
  /// The engine is draining.
  case shuttingDown
}

extension GenerationRefusal: CustomStringConvertible {
  package var description: String {
    switch self {
    case .emptyPrompt:
      "the prompt is empty; it needs at least one token"
    case .tokenOutOfRange(let token, let vocabularySize):
      "token \(token) is outside the vocabulary, 0 ..< \(vocabularySize)"
    case .promptTooLong(let tokens, let maximumContext):
      "the prompt has \(tokens) tokens; prompt and answer together may have \(maximumContext)"
    case .invalidOption(let name, let expected):
      "\(name) must be \(expected)"
    case .queueFull(let limit):
      "\(limit) requests are waiting already"
    case .shuttingDown:
      "the server is shutting down"
    }
  }
}
