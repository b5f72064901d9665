package import Transformer

/// What a training run does; together with the data and the seed it decides every bit of the result.
package struct TrainingRecipe: Codable, Equatable, Sendable {
  /// What the student learns from.
  package enum Method: String, Codable, CaseIterable, Sendable {
    /// Text, usually in full precision: how a local teacher is made.
    case pretrain
    /// Text or the tokens of traces, without a teacher's distribution: the baseline.
    case direct
    /// A teacher: its traces, or the model itself beside the student.
    case distill
  }

  /// The numbers that gradients are made of; master weights, optimizer and sums are always fp32.
  package enum Precision: String, Codable, CaseIterable, Sendable {
    case fp32
    /// Products with bf16 operands and fp32 sums.
    case bf16
    /// Gradients rounded to fp16, with a dynamic loss scale.
    case fp16
  }

  /// AdamW's constants.
  package struct Optimizer: Codable, Equatable, Sendable {
    /// What decays.
    package enum Decay: String, Codable, CaseIterable, Sendable {
      case matrices, all
    }

    /// The peak, above 0.
    package var learningRate: Float
    /// Decay of the first moment, 0 ..< 1.
    package var beta1: Float
    /// Decay of the second moment, 0 ..< 1.
    package var beta2: Float
    /// Above 0.
    package var epsilon: Float
    /// Decoupled weight decay, 0 or more.
    package var weightDecay: Float
    /// Which parameters decay.
    package var decay: Decay
    /// The gradient's greatest global norm, above 0; nil: no clipping.
    package var clipNorm: Float?

    enum CodingKeys: String, CodingKey {
      case beta1, beta2, epsilon, decay
      case learningRate = "learning_rate"
      case weightDecay = "weight_decay"
      case clipNorm = "clip_norm"
    }

    /// The defaults are RECIPE's.
    package init(
      learningRate: Float = 1e-3, beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8,
      weightDecay: Float = 0.1, decay: Decay = .matrices, clipNorm: Float? = 1
    ) {
      self.learningRate = learningRate
      self.beta1 = beta1
      self.beta2 = beta2
      self.epsilon = epsilon
      self.weightDecay = weightDecay
      self.decay = decay
      self.clipNorm = clipNorm
    }
  }

  /// What the student learns from.
  package var method: Method
  /// Positions of a sequence that the model sees; longer sequences are cut, and counted.
  package var sequenceLength: Int
  /// Sequences of a micro-batch.
  package var batchSize: Int
  /// Micro-batches of a step.
  package var accumulation: Int
  /// Optimizer steps of the run.
  package var steps: Int
  /// AdamW's constants.
  package var optimizer: Optimizer
  /// How the learning rate goes.
  package var schedule: LearningRateSchedule
  /// The terms of the loss.
  package var losses: LossWeights
  /// When the student writes what it learns from; nil: never.
  @OrNull package var onPolicy: OnPolicyRecipe?
  /// When activations go to 4 bits; nil: never.
  package var flip: FlipRecipe?
  /// How quantization is ramped up; nil: it is there from the first step on.
  package var quantizationRamp: QuantizationRamp?
  /// The numbers that gradients are made of.
  package var precision: Precision
  /// How the forward pass keeps what the backward pass needs.
  package var activations: ActivationStorage
  /// Of the parameters' first values and of the order of the data.
  package var seed: UInt64
  /// Steps between two counts of trits.
  package var logEvery: Int

  enum CodingKeys: String, CodingKey {
    case method, accumulation, steps, optimizer, schedule, losses, flip, precision, activations
    case seed
    case quantizationRamp = "quantization_ramp"
    case sequenceLength = "sequence_length"
    case batchSize = "batch_size"
    case onPolicy = "on_policy"
    case logEvery = "log_every"
  }

  /// - Parameters: as the properties; see `problems` for what is allowed.
  package init(
    method: Method, sequenceLength: Int, batchSize: Int, accumulation: Int = 1, steps: Int,
    optimizer: Optimizer = Optimizer(), schedule: LearningRateSchedule = LearningRateSchedule(),
    losses: LossWeights? = nil, onPolicy: OnPolicyRecipe? = nil, flip: FlipRecipe? = nil,
    quantizationRamp: QuantizationRamp? = nil, precision: Precision = .bf16,
    activations: ActivationStorage = .fp32, seed: UInt64 = 1, logEvery: Int = 10
  ) {
    self.method = method
    self.sequenceLength = sequenceLength
    self.batchSize = batchSize
    self.accumulation = accumulation
    self.steps = steps
    self.optimizer = optimizer
    self.schedule = schedule
    self.losses = losses ?? (method == .distill ? LossWeights() : .crossEntropyOnly)
    self.onPolicy = onPolicy
    self.flip = flip
    self.quantizationRamp = quantizationRamp
    self.precision = precision
    self.activations = activations
    self.seed = seed
    self.logEvery = logEvery
  }

  /// Everything that is wrong with the recipe, each with the field's name; empty when it can run.
  package var problems: [String] {
    var problems: [String] = []
    func require(_ holds: Bool, _ problem: String) {
      if !holds { problems.append(problem) }
    }
    require(sequenceLength >= 1, "sequence_length must be at least 1")
    require(batchSize >= 1, "batch_size must be at least 1")
    require(accumulation >= 1, "accumulation must be at least 1")
    require(steps >= 1, "steps must be at least 1")
    require(logEvery >= 1, "log_every must be at least 1")
    require(optimizer.learningRate.isPositive, "optimizer.learning_rate must be above 0")
    require((0..<1).contains(optimizer.beta1), "optimizer.beta1 must be in 0 ..< 1")
    require((0..<1).contains(optimizer.beta2), "optimizer.beta2 must be in 0 ..< 1")
    require(optimizer.epsilon.isPositive, "optimizer.epsilon must be above 0")
    require(optimizer.weightDecay.isWeight, "optimizer.weight_decay must be 0 or more")
    require(
      optimizer.clipNorm.map(\.isPositive) ?? true, "optimizer.clip_norm must be above 0 or null")
    require(
      (0..<max(1, steps)).contains(schedule.warmupSteps),
      "schedule.warmup_steps must be 0 or more and below steps")
    require(
      (0...1).contains(schedule.minimumFraction), "schedule.minimum_fraction must be in 0 ... 1")
    require(losses.kd.weight.isWeight, "losses.kd.weight must be 0 or more")
    require(losses.kd.temperature.isPositive, "losses.kd.temperature must be above 0")
    require(losses.ce.isWeight, "losses.ce must be 0 or more")
    require(losses.format.isWeight, "losses.format must be 0 or more")
    require(
      losses.kd.weight + losses.ce + losses.format > 0, "losses must not all have the weight 0")
    require(
      method == .distill || losses.kd.weight == 0,
      "losses.kd.weight must be 0 for method \(method.rawValue): it has no teacher")
    require(
      method == .distill || losses.ad == nil,
      "losses.ad must be null for method \(method.rawValue): it has no teacher")
    require(
      losses.ad?.weight.map(\.isPositive) ?? true, "losses.ad.weight must be above 0 or null")
    if let onPolicy {
      require(onPolicy.every >= 1, "on_policy.every must be at least 1")
      require(onPolicy.maximumTokens >= 1, "on_policy.max_tokens must be at least 1")
      require(onPolicy.temperature.isWeight, "on_policy.temperature must be 0 or more")
      require(
        losses.hasDenseTeacher,
        "on_policy needs losses.kd with source dense and a weight above 0: only the teacher scores")
    }
    if let flip {
      require((0...1).contains(flip.fraction), "flip.fraction must be in 0 ... 1")
      require(flip.tokenBudget.map { $0 > 0 } ?? true, "flip.token_budget must be above 0")
      require(
        flip.maximumLossIncrease.map { $0 >= 0 && $0.isFinite } ?? true,
        "flip.max_loss_increase must be 0 or more")
      require(flip.graceSteps >= 1, "flip.grace_steps must be at least 1")
    }
    require(
      quantizationRamp.map { $0.steps >= 1 } ?? true,
      "quantization_ramp.steps must be at least 1")
    return problems
  }
}

extension Float {
  fileprivate var isPositive: Bool { self > 0 && isFinite }
  fileprivate var isWeight: Bool { self >= 0 && isFinite }
}
