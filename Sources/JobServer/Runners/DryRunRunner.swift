internal import Evaluation
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Transformer
internal import WorkerPool

/// A forward-only run at full scale with random packed weights (RECIPE §11).
struct DryRunRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: DryRunSpec) throws -> JobOutcome {
    var (name, configuration) = try shape(spec.model)
    // All-INT4 needs the block Hadamard (RECIPE §2), so a model that is to flip has it throughout.
    configuration.usesHadamard = configuration.quantization == .ternary
    let positions = spec.sequenceLength + 2 * spec.decodeTokens
    try environment.requireLength(positions, of: configuration)
    var report = DryRunReport()
    report.model = name
    report.parameters = configuration.parameterCount
    report.sequenceLength = spec.sequenceLength
    report.batchSize = spec.batchSize
    report.decodeTokens = spec.decodeTokens
    report.seed = spec.seed
    report.threads = environment.team.threadCount
    report.predictedBytes = predicted(configuration, spec)
    report.training = TrainingMemory.table(
      parameters: configuration.parameterCount,
      activationBytes: activationBytes(configuration, spec))
    try environment.requireMemory(
      report.predictedBytes.total ?? 0,
      for: "\(name), \(configuration.parameterCount) parameters packed, "
        + "\(spec.batchSize) × \(positions) positions")

    ProcessMemory.resetPeak()
    report.baselineRssBytes = ProcessMemory.residentBytes
    tell(0, "making random trits")
    let model = try InferenceModel.random(
      configuration: configuration, seed: spec.seed, team: environment.team)
    let projections = ParameterLayout(configuration).views.filter(\.isTernary)
      .reduce(0) { $0 + $1.count }
    report.ratioToFp16 = Double(2 * configuration.parameterCount) / Double(model.bytes.total)
    if projections > 0 {
      report.ratioToFp16WithoutEmbeddings =
        Double(2 * projections) / Double(model.bytes.projections)
    }
    // Cache and scratch show in the peak only; nothing here could say them apart.
    report.measuredBytes = DryRunReport.Memory(
      packedWeights: model.bytes.projections + model.bytes.norms,
      embeddings: model.bytes.embeddings)
    guard try runPhases(model, spec, into: &report) else { return .stopped }
    report.peakRssBytes = ProcessMemory.peakResidentBytes

    let result = try environment.writeReport(report, PipelineReporter.dryRunFile, of: running)
    return .succeeded(result: result)
  }

  // MARK: - Before

  private func shape(_ model: DryRunModel) throws -> (String, ModelConfiguration) {
    switch model {
    case .preset(let preset):
      (preset.rawValue, try ModelConfiguration(PresetModel(preset: preset)))
    case .configuration(let shape):
      ("custom", try ModelConfiguration(PresetModel(preset: .sevenB, overrides: shape)))
    }
  }

  private func predicted(
    _ configuration: ModelConfiguration, _ spec: DryRunSpec
  ) -> DryRunReport.Memory {
    let weights = ModelBytes(predicting: configuration, storage: .bf16)
    let session = SessionBytes(
      predicting: configuration, maximumSequences: spec.batchSize,
      maximumLength: spec.sequenceLength + 2 * spec.decodeTokens)
    return DryRunReport.Memory(
      packedWeights: weights.projections + weights.norms, embeddings: weights.embeddings,
      cache: session.keyValueCache,
      scratch: session.scratch + Self.keptLogits(configuration, spec) * 4)
  }

  /// Logits that are kept to compare A8 with A4.
  private static func keptLogits(_ configuration: ModelConfiguration, _ spec: DryRunSpec) -> Int {
    2 * (spec.decodeTokens + 1) * spec.batchSize * configuration.vocabSize
  }

  private func activationBytes(_ configuration: ModelConfiguration, _ spec: DryRunSpec) -> Int {
    let estimate = Transformer.memoryBytes(
      configuration: configuration, sequences: spec.batchSize, length: spec.sequenceLength,
      training: true, team: environment.team)
    return estimate.activations + estimate.scratch
  }

  // MARK: - The run

  /// A8 prefill and decode, the flip, A4 prefill and decode, over the same tokens.
  ///
  /// - Returns: false when it was asked to stop.
  private func runPhases(
    _ model: InferenceModel, _ spec: DryRunSpec, into report: inout DryRunReport
  ) throws -> Bool {
    let session = InferenceSession(
      model: model, maximumSequences: spec.batchSize,
      maximumLength: spec.sequenceLength + 2 * spec.decodeTokens, team: environment.team)
    var tokens = DryRunTokens(seed: spec.seed, vocabularySize: model.configuration.vocabSize)
    let prompts = (0..<spec.batchSize).map { sequence in
      (sequence: sequence, tokens: tokens.next(spec.sequenceLength))
    }
    let decoded = (0..<spec.decodeTokens).map { _ in tokens.next(spec.batchSize) }
    var logits: [[Float]] = []
    for bits in ActivationBits.allCases {
      if model.configuration.quantization == .ternary { model.activationBits = bits }
      tell(bits == .eight ? 0.2 : 0.6, "A\(bits.rawValue) prefill and decode")
      guard let phase = try measure(session, prompts: prompts, decoded: decoded, &logits) else {
        return false
      }
      if bits == .eight { report.a8 = phase } else { report.a4 = phase }
    }
    report.difference = DryRunReport.Difference(
      a8: logits[0], a4: logits[1], vocabularySize: model.configuration.vocabSize)
    return true
  }

  private func measure(
    _ session: InferenceSession, prompts: [(sequence: Int, tokens: [Int32])], decoded: [[Int32]],
    _ allLogits: inout [[Float]]
  ) throws -> DryRunReport.Phase? {
    let vocabulary = session.model.configuration.vocabSize
    for prompt in prompts { session.reset(prompt.sequence) }
    var phase = DryRunReport.Phase()
    var kept: [Float] = []
    kept.reserveCapacity((decoded.count + 1) * prompts.count * vocabulary)
    func keep(_ logits: UnsafePointer<Float>) {
      kept += UnsafeBufferPointer(start: logits, count: prompts.count * vocabulary)
    }
    let clock = ContinuousClock()
    let prefill = try clock.measure { keep(try session.prefill(prompts)) }
    phase.prefillTokensPerS =
      Double(prompts.reduce(0) { $0 + $1.tokens.count }) / (prefill / .seconds(1))
    var decode = Duration.zero
    for tokens in decoded {
      if running.stopRequested != nil { return nil }
      let inputs = tokens.enumerated().map { (sequence: $0, token: $1) }
      var logits: UnsafePointer<Float>?
      decode += try clock.measure { logits = try session.decode(inputs) }
      logits.map(keep)
    }
    phase.decodeTokensPerS = Double(decoded.count * prompts.count) / (decode / .seconds(1))
    phase.nanCount = kept.count { $0.isNaN }
    phase.infCount = kept.count { $0.isInfinite }
    allLogits.append(kept)
    return phase
  }

  private func tell(_ fraction: Double, _ message: String) {
    running.report(Progress(fraction: fraction, message: message))
  }
}

/// Token ids that depend on a seed only.
private struct DryRunTokens {
  private var state: UInt64
  private let vocabularySize: Int

  init(seed: UInt64, vocabularySize: Int) {
    state = seed
    self.vocabularySize = vocabularySize
  }

  mutating func next(_ count: Int) -> [Int32] {
    (0..<count).map { _ in
      // SplitMix64 (Steele et al. 2014).
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int32((bits ^ (bits >> 31)) % UInt64(vocabularySize))
    }
  }
}

extension DryRunReport.Difference {
  /// How far `a4` is from `a8`, both `[positions, vocabularySize]`.
  fileprivate init(a8: [Float], a4: [Float], vocabularySize: Int) {
    self.init()
    var squares = 0.0
    var differences = 0.0
    var largest = 0.0
    for (eight, four) in zip(a8, a4) {
      let difference = Double(four) - Double(eight)
      squares += Double(eight) * Double(eight)
      differences += difference * difference
      largest = max(largest, abs(difference))
    }
    relativeRms = squares > 0 ? (differences / squares).squareRoot() : nil
    maxAbsolute = largest
    let positions = a8.count / vocabularySize
    func top(_ logits: [Float], _ position: Int) -> Int {
      let row = logits[(position * vocabularySize)..<((position + 1) * vocabularySize)]
      return row.indices.max { row[$0] < row[$1] } ?? 0
    }
    let same = (0..<positions).count { top(a8, $0) == top(a4, $0) }
    sameTop = positions > 0 ? Double(same) / Double(positions) : nil
  }
}
