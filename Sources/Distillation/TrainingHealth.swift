/// How a run is doing: the health of a train job, and `health.json` of its checkpoints.
///
/// A value that was not measured is null, never left out and never a guess.
package struct TrainingHealth: Codable, Equatable, Sendable {
  /// The dynamic loss scale, or why there is none.
  package struct LossScale: Codable, Equatable, Sendable {
    @OrNull package var value: Float?
    /// Why `value` is null.
    @OrNull package var reason: String?
  }

  /// Bytes: predicted before the start, and taken.
  package struct Memory: Codable, Equatable, Sendable {
    package var predicted: TrainingMemory
    package var predictedBytes: Int
    /// The most that the whole process has held; null where the system does not tell.
    @OrNull package var peakResidentBytes: Int?

    enum CodingKeys: String, CodingKey {
      case predicted
      case predictedBytes = "predicted_bytes"
      case peakResidentBytes = "peak_rss_bytes"
    }
  }

  /// Steps done.
  package var step: Int
  /// Steps of the run.
  package var stepsTotal: Int
  /// Target tokens of the steps done.
  package var seenTokens: Int
  /// Input tokens of the steps done, without padding.
  package var inputTokens: Int
  /// The flip's token budget; null when there is none.
  @OrNull package var tokenBudget: Int?
  /// How often every sequence was seen.
  package var epochs: Double
  /// Width of activations; null when nothing is quantized.
  @OrNull package var activationBits: Int?
  /// Whether activations have 4 bits.
  package var flipDone: Bool
  /// The flip's step, and the losses around it.
  package var flip: ActivationFlip
  /// The last step's loss; null before the first.
  @OrNull package var loss: Double?
  /// The loss, each step weighing a tenth.
  @OrNull package var smoothedLoss: Double?
  /// The last step's terms, unweighted.
  @OrNull package var losses: TermValues?
  /// The last step's terms, weighted.
  @OrNull package var weightedLosses: TermValues?
  /// The norms of the weighted terms' gradients by the logits; of the attention relations, by queries,
  /// keys and values.
  @OrNull package var termGradientNorms: TermValues?
  /// The newest validation.
  @OrNull package var validation: ValidationLoss?
  /// The last step's gradient norm before clipping; null when it was not finite.
  @OrNull package var gradientNorm: Double?
  /// The last step's learning rate.
  @OrNull package var learningRate: Double?
  /// γ of the attention relations; null without them.
  @OrNull package var relationWeight: Double?
  /// The dynamic loss scale, or why there is none.
  package var lossScale: LossScale
  /// Steps that changed nothing, because a gradient was not finite.
  package var skippedSteps: Int
  /// Gradients that were not finite; each skipped a step.
  package var nanCount: Int
  /// Target rows without a usable teacher signal, counted as P(other) = 1.
  package var invalidRows: Int
  /// Sequences that were longer than the recipe's limit.
  package var cutSequences: Int
  /// Input tokens a second over the steps of this process; null before the first.
  @OrNull package var tokensPerSecond: Double?
  /// Threads of the team.
  package var threads: Int
  /// Bytes: predicted before the start, and taken.
  package var memory: Memory
  /// The newest count of trits; null when there are none.
  @OrNull package var trits: TritCensus?
  /// The mean step of this process, operation by operation; null before the second.
  @OrNull package var profile: RunProfile?

  enum CodingKeys: String, CodingKey {
    case step, epochs, flip, loss, losses, validation, threads, memory, trits, profile
    case stepsTotal = "steps_total"
    case seenTokens = "seen_tokens"
    case inputTokens = "input_tokens"
    case tokenBudget = "token_budget"
    case activationBits = "activation_bits"
    case flipDone = "flip_done"
    case smoothedLoss = "smoothed_loss"
    case weightedLosses = "weighted_losses"
    case termGradientNorms = "term_gradient_norms"
    case gradientNorm = "gradient_norm"
    case learningRate = "learning_rate"
    case relationWeight = "relation_weight"
    case lossScale = "loss_scale"
    case skippedSteps = "skipped_steps"
    case nanCount = "nan_count"
    case invalidRows = "invalid_rows"
    case cutSequences = "cut_sequences"
    case tokensPerSecond = "tokens_per_s"
  }
}
