// From a train spec to what the trainer takes: tokenizer, model shape, data, recipe.

internal import Checkpoints
internal import Corpora
internal import Distillation
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Teachers
internal import Tokenization
internal import Traces
internal import Transformer

/// Everything a training run starts from.
struct TrainingPlan {
  let tokenizer: Tokenizer
  let configuration: ModelConfiguration
  let data: any TrainingData
  /// Held-out sequences; nil when the job has no corpus with a validation part.
  let validation: (any TrainingData)?
  private(set) var recipe: TrainingRecipe
  /// What checkpoints are marked with: they go on with the same recipe, data and tokenizer only.
  private(set) var identity: RunIdentity
  /// Where weights to start from lie; nil starts from random ones.
  let initialModel: URL?
  /// The model that runs beside the student; nil when nothing is learnt from one.
  let teacher: TeacherModel?

  /// Reads and checks everything that `spec` names.
  ///
  /// - Parameter folder: the job's; a trained tokenizer is kept there, so that an attempt that
  ///   goes on has the very same one, and so are the tokens of running text.
  /// - Parameter report: is told while text is encoded, and says whether to go on.
  /// - Throws: `Problem`; `TrainingError.cancelled` when `report` says no.
  init(
    _ spec: TrainSpec, folder: URL, environment: JobEnvironment, report: (Jobs.Progress) -> Bool
  ) throws {
    let traces = try spec.traces.map { try environment.traceSet($0) }
    let initial: URL? =
      switch spec.model {
      case .initialFrom(let source): try environment.modelFolder(source.model)
      case .preset: nil
      }
    tokenizer = try Self.tokenizer(
      spec, folder: folder, initial: initial, traces: traces, environment: environment)
    configuration = try Self.configuration(spec, initial: initial, tokenizer: tokenizer)
    initialModel = initial
    teacher = try spec.teacher.map { try TeacherModel($0, environment: environment) }
    try teacher?.check(fits: tokenizer, configuration)
    let structural = StructuralTokens.table(of: tokenizer)
    if let traces {
      try traces.requireTokenizer(tokenizer)
      data = try TraceData(traces.set)
      validation = nil
    } else if let corpus = spec.corpus {
      try corpus.check(tokenizer, paths: environment.paths)
      let text = try TrainingTokens(
        corpus, tokenizer: tokenizer, folder: folder, threads: environment.team.threadCount,
        paths: environment.paths)
      if let text {
        data = try text.windows(
          of: corpus.part, length: spec.sequenceLength, structural: structural, progress: report)
      } else {
        data = try Self.data(
          corpus.load(paths: environment.paths), spec, tokenizer: tokenizer, structural)
      }
      // A corpus whose shares leave no validation part is trained on without one.
      validation =
        if let text {
          try? text.windows(
            of: CorpusPartName.validation, length: spec.sequenceLength, structural: structural,
            progress: report)
        } else {
          try? Self.data(
            corpus.load(part: .validation, paths: environment.paths), spec, tokenizer: tokenizer,
            structural)
        }
    } else {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "one of corpus, traces is needed")
    }
    recipe = try TrainingRecipe(spec, data: data)
    identity = Trainer.identity(recipe: recipe, configuration: configuration, data: data)
    identity.tokenizerSHA256 = tokenizer.sha256
    identity.teacherSHA256 = teacher?.fingerprint
    try teacher?.check(recipe.losses, configuration)
    for layer in spec.losses.attentionRelations?.sweep ?? [] {
      try teacher?.check(comparing(layer: layer).recipe.losses, configuration)
    }
  }

  /// The same training with the attention relations of one layer of the student.
  func comparing(layer: Int) -> TrainingPlan {
    var plan = self
    plan.recipe.losses.ad?.options.layers = [layer]
    plan.identity.specHash =
      Trainer.identity(recipe: plan.recipe, configuration: configuration, data: data).specHash
    return plan
  }

  /// What judges the trained model by examples of the task that were held out; nil without such.
  func taskValidation(_ spec: TrainSpec, paths: ReadablePaths) throws -> TaskValidation? {
    try TaskValidation(
      spec.corpus, tokenizer: tokenizer, window: configuration.maxPositionEmbeddings, paths: paths)
  }

  /// What a quantization ramp takes; 0 without one.
  var mixingBytes: Int {
    guard recipe.quantizationRamp != nil else { return 0 }
    return Transformer.mixingBytes(
      configuration: configuration, sequences: recipe.batchSize, length: recipe.sequenceLength,
      storage: recipe.activations)
  }

  // MARK: - Parts

  private static func tokenizer(
    _ spec: TrainSpec, folder: URL, initial: URL?, traces: OpenTraces?,
    environment: JobEnvironment
  ) throws -> Tokenizer {
    switch spec.tokenizer {
    case .file(let path):
      return try readTokenizer(environment.paths.resolve(path))
    case .model(let reference):
      return try ModelFolder.tokenizer(in: environment.modelFolder(reference))
    case .trained(let size):
      let kept = folder.appendingPathComponent("tokenizer.json")
      if FileManager.default.fileExists(atPath: kept.path) { return try readTokenizer(kept) }
      guard let corpus = spec.corpus else {
        throw Problem(
          type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
          detail: "tokenizer.train needs a corpus")
      }
      let texts =
        if case .file(let file) = corpus, let text = try file.text(paths: environment.paths) {
          try file.texts(of: text, part: .train)
        } else {
          try corpus.load(part: .train, paths: environment.paths).texts
        }
      let trained = try BytePairTrainer(
        vocabularySize: size, specialTokens: ["<|endoftext|>"]
      ).train(texts)
      try AtomicFile.write(trained.json, to: kept)
      return trained
    case nil:
      if let initial { return try ModelFolder.tokenizer(in: initial) }
      if let traces { return try traces.tokenizer() }
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "tokenizer is missing: name a file, a model, or {\"train\": {\"vocab_size\": N}}")
    }
  }

  private static func readTokenizer(_ url: URL) throws -> Tokenizer {
    do {
      return try Tokenizer(contentsOf: url)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:unusable-tokenizer", title: "The tokenizer cannot be used",
        detail: "\(url.lastPathComponent): \(error)")
    }
  }

  /// The preset with its changes, or the initial model's shape with the conversion asked for.
  private static func configuration(
    _ spec: TrainSpec, initial: URL?, tokenizer: Tokenizer
  ) throws -> ModelConfiguration {
    var configuration: ModelConfiguration
    switch spec.model {
    case .initialFrom(let source):
      guard let initial else { preconditionFailure("an initial model has a folder") }
      configuration = try ModelFolder.configuration(in: initial)
      if let quantization = source.quantization {
        configuration.quantization = quantization == .ternary ? .ternary : .none
      }
      if let subNorm = source.subNorm { configuration.subNorm = subNorm }
    case .preset(let model):
      configuration = try ModelConfiguration(model, vocabularySize: tokenizer.vocabularySize)
      // A teacher is full precision unless the spec says otherwise.
      if spec.method == .pretrain {
        if model.overrides.quantization == nil { configuration.quantization = .none }
        if model.overrides.subNorm == nil { configuration.subNorm = false }
      }
    }
    guard configuration.vocabSize >= tokenizer.vocabularySize else {
      throw Problem(
        type: "urn:bitnet:problem:mismatch", title: "Model and tokenizer do not fit",
        detail: "vocab_size is \(configuration.vocabSize), the tokenizer has "
          + "\(tokenizer.vocabularySize) entries")
    }
    // Left out, a model that has the rotation keeps it, and a flip needs it.
    let usesHadamard = spec.hadamard ?? (configuration.usesHadamard || spec.flip.enabled)
    configuration.usesHadamard = usesHadamard && configuration.quantization == .ternary
    do {
      return try configuration.validated()
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The model cannot be built",
        detail: "\(error)")
    }
  }

  private static func data(
    _ corpus: CorpusContent, _ spec: TrainSpec, tokenizer: Tokenizer, _ structural: [Bool]
  ) throws -> InMemoryData {
    let sequences =
      switch corpus {
      case .text(let text):
        TrainingSequence.windows(
          of: tokenizer.encode(text), length: spec.sequenceLength, structural: structural)
      case .pairs(let pairs):
        pairs.map { pair in
          let example = TokenizedExample(
            pair, tokenizer: tokenizer, lengthMax: spec.sequenceLength)
          return TrainingSequence(
            tokens: example.tokens,
            firstTarget: spec.lossOn == .completion ? example.promptCount : 0,
            structural: structural)
        }
      }
    return InMemoryData(sequences)
  }
}

extension ModelConfiguration {
  /// A preset with some of its numbers changed.
  init(_ model: PresetModel, vocabularySize: Int? = nil) throws {
    guard let preset = ModelConfiguration.preset(model.preset.rawValue) else {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The model cannot be built",
        detail: "no preset is called \(model.preset.rawValue)")
    }
    do {
      var merged = JSONObject()
      for (key, value) in try JSONValue(encoding: preset).objectValue ?? [:] { merged[key] = value }
      if let vocabularySize { merged["vocab_size"] = .int(Int64(vocabularySize)) }
      // A head's width follows from the others unless it is given.
      let shapesHeads =
        model.overrides.hiddenSize != nil || model.overrides.numAttentionHeads != nil
      if shapesHeads { merged["head_dim"] = nil }
      if model.overrides.numAttentionHeads != nil { merged["num_key_value_heads"] = nil }
      for (key, value) in model.overrides.json.objectValue ?? [:] { merged[key] = value }
      self = try JSONValue.object(merged).decoded(as: ModelConfiguration.self)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The model cannot be built",
        detail: "\(error)")
    }
  }
}

extension TrainingRecipe {
  /// The recipe that a spec asks for.
  ///
  /// - Parameter data: from which a token budget's steps and the flip's budget follow.
  init(_ spec: TrainSpec, data: any TrainingData) throws {
    guard data.count > 0 else {
      throw Problem(
        type: "urn:bitnet:problem:unusable-corpus", title: "The data cannot be trained on",
        detail: "no sequence has a token to predict")
    }
    let steps =
      switch spec.length {
      case .steps(let steps): steps
      case .tokenBudget(let tokens): try Self.steps(for: tokens, spec, data)
      }
    self.init(
      method: Method(rawValue: spec.method.rawValue) ?? .pretrain,
      sequenceLength: spec.sequenceLength, batchSize: spec.batchSize,
      accumulation: spec.gradientAccumulation, steps: steps,
      optimizer: Optimizer(
        learningRate: Float(spec.optimizer.learningRate), beta1: Float(spec.optimizer.beta1),
        beta2: Float(spec.optimizer.beta2), epsilon: Float(spec.optimizer.epsilon),
        weightDecay: Float(spec.optimizer.weightDecay),
        clipNorm: spec.optimizer.clipNorm > 0 ? Float(spec.optimizer.clipNorm) : nil),
      schedule: LearningRateSchedule(
        kind: LearningRateSchedule.Kind(rawValue: spec.schedule.kind.rawValue) ?? .cosine,
        warmupSteps: spec.schedule.warmupSteps(of: steps),
        minimumFraction: spec.schedule.minimumFraction),
      losses: LossWeights(
        kd: DistillationLoss(
          weight: Float(spec.losses.kd.weight), temperature: Float(spec.losses.kd.temperature),
          scalesByTemperatureSquared: spec.losses.kd.tauSquared,
          divergence: Distillation.Divergence(rawValue: spec.losses.kd.divergence.rawValue)
            ?? .forward,
          source: spec.distillationSource == .dense ? .dense : .traces),
        ce: Float(spec.losses.crossEntropy), format: Float(spec.losses.format),
        ad: spec.losses.attentionRelations.map { AttentionRelationTerm($0) }),
      onPolicy: spec.onPolicy.map {
        OnPolicyRecipe(
          every: $0.every, maximumTokens: $0.maxTokens, temperature: Float($0.temperature))
      },
      flip: spec.flip.enabled
        ? FlipRecipe(
          fraction: spec.flip.fraction, tokenBudget: spec.flip.tokenBudget,
          maximumLossIncrease: spec.flip.maxLossIncrease) : nil,
      quantizationRamp: spec.quantizationRamp.map { QuantizationRamp(steps: $0.steps(of: steps)) },
      precision: Precision(rawValue: spec.precision.rawValue) ?? .bf16,
      activations: ActivationStorage(spec.activations), seed: spec.seed,
      logEvery: spec.logEvery)
  }

  /// Steps that see `tokens` target tokens.
  private static func steps(
    for tokens: Int, _ spec: TrainSpec, _ data: any TrainingData
  ) throws -> Int {
    // An even sample of sequences is enough: the mean of thousands is steady.
    let stride = max(1, data.count / 2000)
    var targets = 0
    var sequences = 0
    for index in Swift.stride(from: 0, to: data.count, by: stride) {
      targets += try data.sequence(at: index).targetCount
      sequences += 1
    }
    let perStep =
      Double(targets) / Double(max(1, sequences)) * Double(spec.batchSize)
      * Double(spec.gradientAccumulation)
    return max(1, Int((Double(tokens) / max(1, perStep)).rounded(.up)))
  }
}

extension AttentionRelationTerm {
  /// What a spec asks for; of a sweep, the first layer.
  init(_ spec: AttentionRelationSpec) {
    var options = AttentionRelationOptions()
    options.layers = spec.layers.isEmpty ? Array(spec.sweep.prefix(1)) : spec.layers
    options.teacherLayers = spec.teacherLayers.isEmpty ? nil : spec.teacherLayers
    options.heads = spec.heads
    options.temperature = Float(spec.temperature)
    options.isMasked = spec.isMasked
    options.scale = spec.scale == .cosine ? .cosine : .squareRoot
    self.init(weight: spec.weight.map { Float($0) }, options: options)
  }
}

extension ActivationStorage {
  /// What a spec asks for. A block that is computed again keeps nothing that could be rounded.
  init(_ spec: ActivationSpec) {
    self =
      switch (spec.checkpointing, spec.precision) {
      case (true, _): .recomputed
      case (false, .bf16): .bf16
      case (false, .fp32): .fp32
      }
  }
}
