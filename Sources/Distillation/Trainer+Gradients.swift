internal import Kernels
internal import Transformer

extension Trainer {
  /// Leaves the gradient of the loss over these batches, times the loss scale, in `gradients`.
  ///
  /// - Parameters:
  ///   - losses: the recipe's, or some of its terms alone.
  ///   - relationWeight: γ; 0 leaves the attention relations out.
  func accumulateGradients(
    of batches: [MicroBatch], losses: LossWeights, relationWeight: Double,
    isCancelled: () -> Bool
  ) throws(TrainingError) -> StepLosses {
    // Means are over the whole step, so that micro-batches weigh by their targets.
    let targets = batches.reduce(0) { $0 + $1.targets.count }
    let structuralTargets = batches.reduce(0) { $0 + $1.targets.structuralCount }
    let inputTokens = batches.reduce(0) { $0 + $1.inputTokens }
    let scale = state.scaler?.scale ?? 1
    var sums = StepLosses(relationWeight: relationWeight)
    headLoss.weights = losses
    defer { headLoss.weights = recipe.losses }
    for (index, batch) in batches.enumerated() {
      if isCancelled() { throw .cancelled }
      // The first micro-batch replaces what the step before left, the others add.
      let writing: GradientWriting = index == 0 ? .set : .add
      let positions = batch.tokens.sequences * batch.tokens.length
      let gradient = HeadLoss.Gradient(
        hidden: UnsafeMutableBufferPointer(
          start: hiddenGradient.pointer, count: positions * configuration.hiddenSize),
        head: transformer.headGradients, targets: targets, structuralTargets: structuralTargets,
        scale: scale, writing: writing)
      let compared = relationWeight > 0 ? relations : nil
      let seen = forwardTeacher(batch.tokens, losses, keeping: compared)
      let hidden = transformer.forward(batch.tokens)
      sums.head += headLoss(
        hidden: hidden, head: transformer.headWeights, targets: batch.targets, teacher: seen,
        gradient: gradient)
      guard sums.head.total(losses).isFinite else {
        throw .notFinite(step: state.step, tensor: "the loss", operation: nil)
      }
      if recipe.precision == .fp16 {
        roundToHalf(gradient.hidden, team: team)
      }
      let share = Double(batch.inputTokens) / Double(max(1, inputTokens))
      let weight = Float(relationWeight * share) * scale
      transformer.backward(
        hiddenGradient: hiddenGradient.pointer, writing,
        attention: compared.map { relations in
          { layer, vectors, gradients in
            sums.relations += relations.add(
              layer: layer, vectors: vectors, gradients: gradients, lengths: batch.tokens.lengths,
              length: batch.tokens.length, weight: weight)
          }
        })
      guard sums.relations.mean.isFinite else {
        throw .notFinite(step: state.step, tensor: "the attention relations' loss", operation: nil)
      }
    }
    if recipe.precision == .fp16 {
      roundToHalf(
        UnsafeMutableBufferPointer(start: gradients.values, count: gradients.layout.count),
        team: team)
      transformer.gradientsWereChanged()
    }
    return sums
  }

  /// The teacher's view of a batch for the dense KD; nil when these losses do not ask for it.
  private func forwardTeacher(
    _ batch: TokenBatch, _ losses: LossWeights, keeping relations: AttentionRelationLoss?
  ) -> DenseTeacher? {
    guard let teacher, losses.hasDenseTeacher || relations != nil else { return nil }
    let seen = teacher.forward(batch, keeping: relations)
    transformer.profiler.lap(.teacherForward)
    return losses.hasDenseTeacher ? seen : nil
  }

  /// Measures, in some of the first steps, what γ follows from.
  func balanceRelations(
    _ next: inout TrainerState, over batches: [MicroBatch], isCancelled: () -> Bool
  ) throws(TrainingError) {
    guard next.relationBalance != nil, RelationBalance.measures(atStep: state.step) else { return }
    var crossEntropy = LossWeights.none
    crossEntropy.ce = recipe.losses.ce > 0 ? recipe.losses.ce : 1
    _ = try accumulateGradients(
      of: batches, losses: crossEntropy, relationWeight: 0, isCancelled: isCancelled)
    let crossEntropyNorm = try gradientNorm()
    _ = try accumulateGradients(
      of: batches, losses: .none, relationWeight: 1, isCancelled: isCancelled)
    guard let crossEntropyNorm, let relationNorm = try gradientNorm() else { return }
    next.relationBalance?.add(crossEntropyNorm: crossEntropyNorm, relationNorm: relationNorm)
  }

  /// The norm of what is in `gradients`; nil where the loss scale was too high for fp16, which the
  /// step itself will find as well.
  private func gradientNorm() throws(TrainingError) -> Double? {
    var square = 0.0
    for index in gradients.layout.views.indices { square += squaredGradientNorm(ofTensor: index) }
    if square.isFinite { return square.squareRoot() }
    guard state.scaler == nil else { return nil }
    throw .notFinite(step: state.step, tensor: "the gradient of one term", operation: nil)
  }
}
