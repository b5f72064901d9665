/// Everything that decides how a run goes on, besides parameters and moments: `state.json`.
///
/// There is no random state: the order of the data is a pure function of seed and step, and nothing
/// else is random.
package struct TrainerState: Codable, Equatable, Sendable {
  /// Of this structure; a checkpoint of another version is refused.
  package static let currentFormat = 2

  /// The version of this structure.
  package var format = currentFormat
  /// What the run does.
  package var recipe: TrainingRecipe
  /// What the run was made from.
  package var identity: RunIdentity
  /// Steps done, also the number of the next step.
  package var step = 0
  /// Target tokens of those steps.
  package var seenTokens = 0
  /// Input tokens of those steps, without padding.
  package var inputTokens = 0
  /// Parameter updates, skipped steps not counted.
  package var updates = 0
  /// The loss scale; nil unless the precision is fp16.
  @OrNull package var scaler: LossScaler?
  /// Steps that changed nothing, because a gradient was not finite.
  package var skippedSteps = 0
  /// Target rows without a usable teacher signal.
  package var invalidRows = 0
  /// Sequences that were longer than the recipe's limit.
  package var cutSequences = 0
  /// The flip to 4-bit activations.
  package var flip = ActivationFlip()
  /// How γ came about; nil without attention relations, or when γ is given.
  @OrNull package var relationBalance: RelationBalance?
  /// The total loss, each step weighing a tenth; nil before the first.
  @OrNull package var smoothedLoss: Double?

  enum CodingKeys: String, CodingKey {
    case format, recipe, identity, step, updates, scaler, flip
    case seenTokens = "seen_tokens"
    case inputTokens = "input_tokens"
    case skippedSteps = "skipped_steps"
    case invalidRows = "invalid_rows"
    case cutSequences = "cut_sequences"
    case relationBalance = "relation_balance"
    case smoothedLoss = "smoothed_loss"
  }

  /// The state before the first step.
  package init(recipe: TrainingRecipe, identity: RunIdentity) {
    self.recipe = recipe
    self.identity = identity
    scaler = recipe.precision == .fp16 ? LossScaler() : nil
    relationBalance = recipe.losses.ad.flatMap { $0.weight == nil ? RelationBalance() : nil }
  }

  /// γ of the next step; 0 without attention relations.
  package var relationWeight: Double {
    guard let relations = recipe.losses.ad else { return 0 }
    return relations.weight.map(Double.init) ?? relationBalance?.weight ?? 0
  }
}

/// What a run was made from. A checkpoint goes on in a run of the same identity only.
package struct RunIdentity: Codable, Equatable, Sendable {
  /// Of the whole specification of the run.
  package var specHash: String
  /// Of the traces or sequences.
  package var traceFingerprint: String
  /// SHA-256 of the whole tokenizer; nil when the run knows token ids only.
  @OrNull package var tokenizerSHA256: String?
  /// SHA-256 of the weights of the teacher that runs beside the student; nil without one.
  @OrNull package var teacherSHA256: String?

  enum CodingKeys: String, CodingKey {
    case specHash = "spec_hash"
    case traceFingerprint = "trace_fingerprint"
    case tokenizerSHA256 = "tokenizer_sha256"
    case teacherSHA256 = "teacher_sha256"
  }

  /// - Parameters: as the properties.
  package init(
    specHash: String, traceFingerprint: String, tokenizerSHA256: String? = nil,
    teacherSHA256: String? = nil
  ) {
    self.specHash = specHash
    self.traceFingerprint = traceFingerprint
    self.tokenizerSHA256 = tokenizerSHA256
    self.teacherSHA256 = teacherSHA256
  }

  /// What differs from `run`, this being the checkpoint's.
  package func mismatches(with run: RunIdentity) -> [TrainingError.Mismatch] {
    [
      TrainingError.Mismatch("spec hash", checkpoint: specHash, run: run.specHash),
      TrainingError.Mismatch(
        "trace fingerprint", checkpoint: traceFingerprint, run: run.traceFingerprint),
      TrainingError.Mismatch(
        "tokenizer", checkpoint: tokenizerSHA256 ?? "unknown",
        run: run.tokenizerSHA256 ?? "unknown"),
      TrainingError.Mismatch(
        "teacher", checkpoint: teacherSHA256 ?? "none", run: run.teacherSHA256 ?? "none"),
    ].filter { $0.checkpoint != $0.run }
  }
}
