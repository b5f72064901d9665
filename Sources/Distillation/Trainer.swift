// One training run. A step is, in this order:
//
//   take the batches, read ahead by BatchReader → flip the activations if it is time
//   → for each micro-batch: forward, head and loss, backward
//   → norm of the gradient, of what the backward pass has not summed already → AdamW with the clip's
//   factor → quantize the weights
//
// Nothing of a step counts before its end: when a step is stopped or fails, state and parameters are
// those of the step before. What a step reads is a function of (recipe, data, state) only, so that a
// run resumed from any checkpoint ends with the same bits as one that was never interrupted.

internal import Foundation
package import Kernels
package import Transformer

/// Trains one model.
package final class Trainer {
  /// What the model is.
  package let configuration: ModelConfiguration
  /// The latent fp32 weights.
  package let parameters: Parameters
  /// AdamW's moments.
  package let optimizer: OptimizerState
  /// Everything else that a checkpoint holds.
  package private(set) var state: TrainerState
  /// What the last step did; nil before the first of this process.
  package private(set) var lastReport: StepReport?
  /// The newest count of trits; nil when there are none, or before the first count.
  package private(set) var trits: TritCensus?
  /// The newest validation; nil before the first.
  package private(set) var lastValidation: ValidationLoss?

  let team: ComputeTeam
  let transformer: Transformer
  let headLoss: HeadLoss
  let teacher: CompanionTeacher?
  let relations: AttentionRelationLoss?
  private let reader: BatchReader
  private let batchLayout: BatchLayout
  let gradients: Parameters
  let hiddenGradient: AlignedBuffer<Float>
  /// nil where the head's gradient is in `gradients`.
  private let headPieces: HeadGradientPieces?
  private let tritCounter: TritCounter?
  var measuredTokens = 0
  var measuredSeconds = 0.0
  var profileSum = ProfileSum()
  /// What the machine can do, for the profile in health; nil as long as nobody has measured it.
  package var machine: MachinePeaks?
  /// Writes as the student, for on-policy distillation.
  package var author: (any StudentAuthor)?
  /// Where this run's checkpoints are written from: a copy counts in the memory that it takes.
  package var checkpointPlace = CheckpointPlace.inPlace

  /// Micro-batches that hold every sequence once.
  let batchesPerEpoch: Int

  /// What the run does.
  package var recipe: TrainingRecipe { state.recipe }

  /// A run at its first step.
  ///
  /// - Parameters:
  ///   - initial: the parameters to start from, which the trainer then owns; nil: random ones, from
  ///     the recipe's seed.
  ///   - teacher: runs beside the student, when the losses need one.
  ///   - identity: what the checkpoints are marked with; its trace fingerprint is the data's.
  /// - Throws: `.invalidRecipe` or `.unusableData`, before anything big is allocated.
  package convenience init(
    recipe: TrainingRecipe, configuration: ModelConfiguration, data: any TrainingData,
    initial: Parameters? = nil, teacher: CompanionTeacher? = nil, identity: RunIdentity? = nil,
    team: ComputeTeam = .shared
  ) throws(TrainingError) {
    try Self.check(recipe, configuration, data, teacher)
    let identity =
      identity ?? Self.identity(recipe: recipe, configuration: configuration, data: data)
    let parameters = initial ?? Self.randomParameters(configuration, seed: recipe.seed)
    try self.init(
      state: TrainerState(recipe: recipe, identity: identity), configuration: configuration,
      data: data, teacher: teacher, parameters: parameters,
      optimizer: OptimizerState(layout: parameters.layout), team: team)
  }

  /// - Parameters:
  ///   - headGradientPlace, productPrecision: what the recipe says, when nil.
  init(
    state: TrainerState, configuration: ModelConfiguration, data: any TrainingData,
    teacher: CompanionTeacher?, parameters: Parameters, optimizer: OptimizerState,
    headGradientPlace: HeadGradientPlace? = nil, productPrecision: ProductPrecision? = nil,
    team: ComputeTeam
  ) throws(TrainingError) {
    let recipe = state.recipe
    let headGradientPlace = headGradientPlace ?? recipe.headGradientPlace(configuration)
    let productPrecision = productPrecision ?? recipe.productPrecision
    self.state = state
    self.configuration = configuration
    self.parameters = parameters
    self.optimizer = optimizer
    self.team = team
    gradients = Parameters(layout: parameters.layout)
    headPieces =
      headGradientPlace == .pieces ? HeadGradientPieces(parameters.layout) : nil
    do {
      transformer = try Transformer(
        configuration: configuration, parameters: parameters, gradients: gradients,
        maximumSequences: recipe.batchSize, maximumLength: recipe.sequenceLength,
        precision: productPrecision, storage: recipe.activations,
        gradientMemory: recipe.gradientMemory,
        // Logits that pieces of a gradient are made of are needed until the update.
        floatsUntilBackward: headGradientPlace == .pieces ? 0 : recipe.logitCount(configuration),
        headGradientPlace: headGradientPlace, team: team)
    } catch {
      throw .invalidRecipe(["\(error)"])
    }
    let rows = recipe.batchSize * recipe.sequenceLength
    headLoss = HeadLoss(
      vocabularySize: configuration.vocabSize, width: configuration.hiddenSize, maximumRows: rows,
      weights: recipe.losses, precision: productPrecision, team: team,
      profiler: transformer.profiler,
      denseTeacherWidth: recipe.losses.hasDenseTeacher
        ? teacher?.configuration.hiddenSize : nil,
      logitsMemory: transformer.memoryUntilBackward)
    self.teacher = recipe.losses.needsTeacher ? teacher : nil
    relations =
      if let teacher, let term = recipe.losses.ad {
        try AttentionRelationLoss(
          student: configuration, teacher: teacher.configuration, options: term.options,
          maximumRows: rows, maximumLength: recipe.sequenceLength, team: team)
      } else {
        nil
      }
    hiddenGradient = AlignedBuffer(count: rows * configuration.hiddenSize)
    batchLayout = BatchLayout(
      maximumLength: recipe.sequenceLength, vocabularySize: configuration.vocabSize,
      withTeacher: recipe.losses.readsTraces)
    reader = BatchReader(data, recipe: recipe, layout: batchLayout)
    batchesPerEpoch = (data.count + recipe.batchSize - 1) / recipe.batchSize
    tritCounter = TritCounter(layout: parameters.layout, team: team)
    transformer.activationBits = activationBits(for: state)
    transformer.quantizeWeights()
  }

  /// Runs the next step.
  ///
  /// - Parameter isCancelled: asked between micro-batches.
  /// - Throws: `.cancelled`, `.notFinite` or `.unusableData`; the step then has not happened.
  @discardableResult
  package func step(
    isCancelled: () -> Bool = { false }
  ) throws(TrainingError) -> StepReport {
    let start = ContinuousClock.now
    transformer.profiler.begin()
    let (batches, waited) = try reader.batches(ofStep: state.step)
    return try step(
      over: batches, since: start, dataWaitSeconds: waited, isCancelled: isCancelled)
  }

  /// Runs the next step over these micro-batches.
  func step(
    over batches: [MicroBatch], since start: ContinuousClock.Instant = .now,
    dataWaitSeconds: Double = 0, isCancelled: () -> Bool = { false }
  ) throws(TrainingError) -> StepReport {
    var next = state
    let flips = flipsNow(&next)
    transformer.activationBits = activationBits(for: next)
    transformer.quantizationStrength = recipe.quantizationRamp?.strength(atStep: state.step)
    transformer.profiler.lap(.batch)

    let (batches, losses) = try material(for: batches)
    let sums: StepLosses
    let update: Update
    do throws(TrainingError) {
      try balanceRelations(&next, over: batches, isCancelled: isCancelled)
      sums = try accumulateGradients(
        of: batches, losses: losses, relationWeight: next.relationWeight,
        isCancelled: isCancelled)
      update = try updateParameters(&next)
    } catch {
      guard case .notFinite(let step, let tensor, nil) = error else { throw error }
      throw .notFinite(step: step, tensor: tensor, operation: operationNotFinite(in: batches))
    }
    let loss = sums.total(losses)

    next.step += 1
    next.seenTokens += sums.head.targets
    next.inputTokens += batches.reduce(0) { $0 + $1.inputTokens }
    next.invalidRows += sums.head.invalidRows
    next.cutSequences += batches.reduce(0) { $0 + $1.cutSequences }
    next.smoothedLoss = next.smoothedLoss.map { 0.9 * $0 + 0.1 * loss } ?? loss
    let rollsBack =
      recipe.flip.map { next.flip.record(loss: loss, step: state.step, recipe: $0) } ?? false
    let counts = next.step % recipe.logEvery == 0 ? tritCounter?.census(of: parameters) : nil
    trits = counts ?? trits
    let bits = transformer.activationBits
    let strength = transformer.quantizationStrength
    let lossScale = state.scaler?.scale
    state = next
    transformer.profiler.lap(.report)

    let report = StepReport(
      step: next.step - 1, loss: loss, raw: sums.means,
      weighted: sums.weighted(by: losses), termGradientNorms: sums.gradientNorms(losses),
      relationWeight: relations == nil ? nil : sums.relationWeight, gradientNorm: update.norm,
      clipFactor: update.clipFactor, learningRate: update.learningRate,
      targetTokens: sums.head.targets, inputTokens: batches.reduce(0) { $0 + $1.inputTokens },
      invalidRows: sums.head.invalidRows, seconds: (.now - start).inSeconds,
      dataWaitSeconds: dataWaitSeconds,
      activationBits: bits, quantizationStrength: strength,
      flip: rollsBack ? .rolledBack : flips ? .flipped : nil, skippedFor: update.skippedFor,
      lossScale: lossScale, trits: counts, profile: transformer.profiler.profile)
    measuredTokens += report.inputTokens
    measuredSeconds += report.seconds
    // The first step of a process also waits for its memory.
    if lastReport != nil { profileSum.add(report.profile) }
    lastReport = report
    return report
  }

  /// The loss on data that is not trained on, with the activations as they are now. Attention
  /// relations, which are compared in the backward pass, are not in it. Quantization counts entirely,
  /// also while it is ramped up: this is about the model that would be left now.
  ///
  /// - Parameter sequenceLimit: sequences to look at, from the first on; nil: all.
  @discardableResult
  package func validate(
    on heldOut: any TrainingData, sequenceLimit: Int? = nil, isCancelled: () -> Bool = { false }
  ) throws(TrainingError) -> ValidationLoss {
    transformer.activationBits = activationBits(for: state)
    transformer.quantizationStrength = nil
    var sums = HeadLossSums()
    let count = min(heldOut.count, sequenceLimit ?? .max)
    for first in stride(from: 0, to: count, by: recipe.batchSize) {
      if isCancelled() { throw .cancelled }
      let batch = try batchLayout.microBatch(
        of: Array(first..<min(count, first + recipe.batchSize)), from: heldOut)
      let dense = recipe.losses.hasDenseTeacher
      let seen = dense ? teacher?.forward(batch.tokens, keeping: nil) : nil
      let hidden = transformer.forward(batch.tokens)
      sums += headLoss(
        hidden: hidden, head: transformer.headWeights, targets: batch.targets, teacher: seen)
    }
    let validation = ValidationLoss(
      step: state.step, loss: sums.total(recipe.losses), terms: sums.means,
      targetTokens: sums.targets)
    lastValidation = validation
    return validation
  }

  // MARK: - The parts of a step

  private func flipsNow(_ next: inout TrainerState) -> Bool {
    guard configuration.quantization == .ternary, let flip = recipe.flip else { return false }
    return next.flip.flipsBefore(
      step: state.step, of: recipe.steps, seenTokens: state.seenTokens, recipe: flip)
  }

  private func activationBits(for state: TrainerState) -> ActivationBits? {
    switch configuration.quantization {
    case .none: nil
    case .ternary: state.flip.phase == .flipped ? .four : .eight
    }
  }

  /// What became of a step's gradient.
  private struct Update {
    var norm: Double?
    var clipFactor = 1.0
    var learningRate = 0.0
    var skippedFor: String?
  }

  private func updateParameters(_ next: inout TrainerState) throws(TrainingError) -> Update {
    let lossScale = Double(state.scaler?.scale ?? 1)
    let schedule = recipe.schedule
    var update = Update()
    update.learningRate =
      Double(recipe.optimizer.learningRate) * schedule.factor(step: state.step, of: recipe.steps)

    var square = 0.0
    for (index, view) in gradients.layout.views.enumerated() {
      let tensorSquare = squaredGradientNorm(ofTensor: index)
      if !tensorSquare.isFinite, update.skippedFor == nil { update.skippedFor = view.name }
      square += tensorSquare
    }
    transformer.profiler.lap(.gradientNorm)
    if let tensor = update.skippedFor {
      // Without a loss scale to lower, a repetition would meet the same numbers.
      guard next.scaler?.stepOverflowed() == true else {
        throw .notFinite(step: state.step, tensor: "the gradient of \(tensor)", operation: nil)
      }
      next.skippedSteps += 1
      return update
    }
    let norm = square.squareRoot() / lossScale
    update.norm = norm
    if let limit = recipe.optimizer.clipNorm, norm > Double(limit) {
      update.clipFactor = Double(limit) / norm
    }
    next.updates += 1
    next.scaler?.stepWasClean()
    let decay = schedule.weightDecayFactor(step: state.step, of: recipe.steps)
    let magnitudes = updateParameters(
      AdamWStep(
        learningRate: Float(update.learningRate), beta1: recipe.optimizer.beta1,
        beta2: recipe.optimizer.beta2, epsilon: recipe.optimizer.epsilon,
        weightDecay: recipe.optimizer.weightDecay * Float(decay), number: next.updates,
        gradientScale: Float(update.clipFactor / lossScale)))
    transformer.quantizeWeights(magnitudes: magnitudes)
    return update
  }

  /// - Returns: as `OptimizerState.update`.
  private func updateParameters(_ step: AdamWStep) -> [Int: Double] {
    // AdamW reads weight, gradient and both moments, and writes three of them.
    func lap(elements: Int) { transformer.profiler.lap(.optimizer, bytes: 28 * elements) }
    let head = headPieces?.view
    let magnitudes = optimizer.update(
      parameters, gradients: gradients, step: step, decay: recipe.optimizer.decay, except: head,
      team: team)
    lap(elements: parameters.layout.count - (head?.count ?? 0))
    headPieces?.forEach(of: headLoss, and: transformer) { [parameters] tokens, gradient in
      optimizer.update(
        parameters, rows: tokens, of: parameters.layout.head, gradients: gradient, step: step,
        team: team)
      lap(elements: tokens.count * parameters.layout.head.shape[1])
    }
    return magnitudes
  }

  /// The sum of the squares of one tensor's gradient, in double.
  func squaredGradientNorm(ofTensor index: Int) -> Double {
    let view = gradients.layout.views[index]
    if let headPieces, headPieces.view == view {
      return headPieces.squaredNorm(of: headLoss, and: transformer, team: team)
    }
    return transformer.gradientSquare(ofTensor: index)
  }
}

/// The loss on held-out data.
package struct ValidationLoss: Codable, Equatable, Sendable {
  /// Steps done when it was measured.
  package let step: Int
  /// The total, weighted as in training.
  package let loss: Double
  /// Each term's mean.
  package let terms: TermValues
  /// Tokens that it is a mean over.
  package let targetTokens: Int

  enum CodingKeys: String, CodingKey {
    case step, loss, terms
    case targetTokens = "target_tokens"
  }
}

extension Duration {
  /// With fractions.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
