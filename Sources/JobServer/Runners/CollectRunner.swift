internal import Checkpoints
internal import Corpora
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Teachers
internal import Tokenization
internal import Traces
internal import Transformer
internal import WorkerPool

/// Collects Top-K + Other traces of a teacher over a corpus, shard by shard.
struct CollectRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: CollectSpec) throws -> JobOutcome {
    guard let reference = spec.teacher.localModel else {
      return try HostedCollectRunner(environment, running).run(spec)
    }
    running.report(Progress(message: "reading the teacher"))
    let record = try environment.modelRecord(reference)
    let folder = environment.folder.url(record.path)
    let own = try ModelFolder.tokenizer(in: folder)
    let job = try environment.folder.folder(of: running.job.id)
    let student = try studentTokenizer(spec, teacher: own, in: job)
    let teacher = try open(spec, folder)
    let data = try environment.folder.made(job.appendingPathComponent("data"))
    try AtomicFile.write(student.json, to: data.appendingPathComponent("tokenizer.json"))
    guard student.sha256 == own.sha256 else {
      return try LocalProjectionRunner(environment, running).run(
        spec, teacher: teacher, tokenizer: own, record: record, student: student, in: job)
    }
    let metadata = TraceMetadata(
      teacher: record.name, teacherFingerprint: record.fingerprint,
      tokenizerSHA256: own.sha256, topK: spec.topK, vocabularySize: own.vocabularySize,
      seed: spec.seed)
    let recording = try TraceRecording(metadata, in: data, environment, running)
    let texts = try sequences(spec, tokenizer: own)
    var options = TraceCollector.Options()
    options.choice =
      spec.sampledDraws > 0
      ? .sampled(exact: max(1, spec.topK), draws: spec.sampledDraws) : .top(spec.topK)
    options.logprobBits = spec.storedBits
    options.zstdLevel = spec.zstdLevel
    options.tokenBudget = spec.tokenBudget
    options.signal = .loss
    let end = try TraceCollector(teacher: teacher, options: options).collect(
      texts.scored, into: data, metadata: metadata,
      shouldStop: { running.stopRequested != nil }, progress: tell,
      onShard: { try recording.add($0) })
    if end == .stopped { return .stopped }
    var result = try recording.finish(end: end.rawValue)
    result["cut_texts"] = .int(Int64(texts.cut))
    return .succeeded(result: .object(result))
  }

  // MARK: - Input

  /// The teacher: over its checkpoint's own bytes, or over fp32 where its projections are ternary.
  private func open(_ spec: CollectSpec, _ folder: URL) throws -> LocalTeacher {
    let configuration = try ModelFolder.configuration(in: folder)
    let batchRows = max(spec.batchSize * spec.sequenceLength, spec.sequenceLength)
    let precision: ProductPrecision? =
      switch spec.teacherPrecision {
      case nil: nil
      case .fp32: .fp32
      case .bf16: .bf16
      }
    let isStored = configuration.quantization == .none
    let weights = try ModelFolder.checkedWeights(in: folder, for: configuration)
    try environment.requireMemory(
      LocalTeacher.memoryBytes(
        configuration, maximumLength: spec.sequenceLength, batchRows: batchRows,
        storedWeightBytes: isStored ? weights.byteCount : nil),
      for: "the teacher at \(spec.batchSize) × \(spec.sequenceLength) tokens")
    if isStored {
      return try LocalTeacher(
        weights, configuration: configuration, maximumLength: spec.sequenceLength,
        batchRows: batchRows, precision: precision, team: environment.team)
    }
    let parameters = Parameters(layout: ParameterLayout(configuration))
    try ModelFolder.copyWeights(from: folder, into: parameters)
    return try LocalTeacher(
      configuration: configuration, parameters: parameters, maximumLength: spec.sequenceLength,
      batchRows: batchRows, precision: precision ?? .fp32, team: environment.team)
  }

  /// The tokenizer that the traces are in: the asked one, one that is trained on the corpus now, or
  /// the teacher's.
  private func studentTokenizer(
    _ spec: CollectSpec, teacher: Tokenizer, in job: URL
  ) throws -> Tokenizer {
    switch spec.tokenizer {
    case nil: return teacher
    case .file(let path): return try Tokenizer(contentsOf: environment.paths.resolve(path))
    case .model(let reference):
      return try ModelFolder.tokenizer(in: environment.modelFolder(reference))
    case .trained(let size):
      // Kept, so that an attempt that goes on has the very same one.
      let kept = job.appendingPathComponent("tokenizer.json")
      if FileManager.default.fileExists(atPath: kept.path) {
        return try Tokenizer(contentsOf: kept)
      }
      running.report(Progress(message: "training the tokenizer"))
      let text = try spec.corpus.load(part: .train, paths: environment.paths)
      let trained = try BytePairTrainer(
        vocabularySize: size, specialTokens: ["<|endoftext|>"]
      ).train(text.texts)
      try AtomicFile.write(trained.json, to: kept)
      return trained
    }
  }

  private func sequences(
    _ spec: CollectSpec, tokenizer: Tokenizer
  ) throws -> (scored: [UnscoredSequence], cut: Int) {
    try spec.corpus.check(tokenizer, paths: environment.paths)
    let structural = StructuralTokens.table(of: tokenizer)
    var cut = 0
    let sequences: [UnscoredSequence]
    switch try spec.corpus.load(paths: environment.paths) {
    case .text(let text):
      let tokens = tokenizer.encode(text)
      sequences = stride(from: 0, to: tokens.count, by: spec.sequenceLength).map { first in
        UnscoredSequence(
          id: Int64(first / spec.sequenceLength),
          tokens: Array(tokens[first..<min(tokens.count, first + spec.sequenceLength)]),
          structural: structural)
      }
    case .pairs(let pairs):
      sequences = pairs.enumerated().map { index, pair in
        let example = TokenizedExample(
          pair, tokenizer: tokenizer, lengthMax: spec.sequenceLength)
        if example.isCut || example.tokens.count > spec.sequenceLength { cut += 1 }
        return UnscoredSequence(
          id: Int64(index), tokens: Array(example.tokens.prefix(spec.sequenceLength)),
          firstTarget: example.promptCount, structural: structural)
      }
    }
    if cut > 0 {
      running.log(.warning, "\(cut) texts are cut at \(spec.sequenceLength) tokens")
    }
    return (sequences, cut)
  }

  // MARK: - During

  private func tell(_ progress: CollectionProgress) {
    let left = Double(progress.tokenTotal - progress.tokens) / max(1, progress.tokensPerSecond)
    running.report(
      Progress(
        fraction: progress.fraction, step: Int64(progress.tokens),
        stepsTotal: Int64(progress.tokenTotal), secondsLeft: left,
        message: String(
          format: "%d texts, %.0f tokens/s", progress.sequences, progress.tokensPerSecond)))
    running.metrics(
      [("tokens_per_s", progress.tokensPerSecond)], step: Int64(progress.tokens))
  }
}
