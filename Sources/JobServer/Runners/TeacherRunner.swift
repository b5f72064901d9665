internal import Checkpoints
internal import Corpora
internal import Evaluation
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Tasks
internal import Tokenization
internal import Transformer
internal import WorkerPool

/// The locked baseline of a teacher: greedy answers to fixed prompts, with what they took, and its
/// figures where the prompts are a task's.
struct TeacherRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  /// What `teacher_baseline.json` holds.
  private struct Baseline: Codable {
    struct Answer: Codable {
      let prompt: String
      let text: String
      /// `stop`, `length` or `cancelled`.
      let end: String
      let tokens: Int
    }
    struct Usage: Codable {
      let promptTokens: Int
      let completionTokens: Int
    }

    let teacher: String
    let teacherFingerprint: String
    let tokenizerSha256: String
    let temperature: Double
    let maxTokens: Int
    let answers: [Answer]
    let usage: Usage
    @Measured var prefillTokensPerS: Double?
    @Measured var decodeTokensPerS: Double?
    let modelBytes: Int
    @Measured var peakRssBytes: Int?
    /// Over all of the task's examples, of which only some are answered above.
    let tasks: [TaskReport]
  }

  func run(_ spec: TeacherSpec) throws -> JobOutcome {
    guard let reference = spec.teacher.localModel else {
      return try HostedBaselineRunner(environment, running).run(spec)
    }
    let record = try environment.modelRecord(reference)
    let folder = environment.folder.url(record.path)
    let tokenizer = try ModelFolder.tokenizer(in: folder)
    let configuration = try ModelFolder.configuration(in: folder)
    let prompts = try Self.prompts(spec, paths: environment.paths)
    let stage = try TaskStage(spec, paths: environment.paths)
    let evaluations = try stage.evaluations(
      tokenizer: tokenizer, window: configuration.maxPositionEmbeddings)
    let packed = try environment.packedModel(record)
    let batch = min(32, prompts.count)
    let encoded = prompts.map { tokenizer.encode($0) }
    let longest = (encoded.map(\.count).max() ?? 0) + spec.maxTokens
    try environment.requireLength(longest, of: configuration)
    let (generations, speed) = try generateGreedy(
      model: packed, prompts: encoded, maximumNewTokens: spec.maxTokens,
      stop: Set([tokenizer.endOfText].compactMap(\.self)), batch: batch,
      team: environment.team,
      progress: { done in
        running.report(
          Progress(
            fraction: Double(done) / Double(prompts.count), step: Int64(done),
            stepsTotal: Int64(prompts.count), message: "answering"))
      },
      isCancelled: { running.stopRequested != nil })
    // A baseline is short; an interrupted one starts again.
    if running.stopRequested != nil { return .stopped }
    var tasks: [TaskReport] = []
    for evaluation in evaluations {
      let report = try evaluation.run(
        packed, team: environment.team, isCancelled: { running.stopRequested != nil },
        progress: { share in
          running.report(Progress(fraction: share, message: "answering the task"))
        })
      guard let report else { return .stopped }
      tasks.append(report)
    }

    let baseline = Baseline(
      teacher: record.name, teacherFingerprint: record.fingerprint,
      tokenizerSha256: tokenizer.sha256, temperature: 0, maxTokens: spec.maxTokens,
      answers: zip(prompts, generations).map { prompt, generation in
        Baseline.Answer(
          prompt: prompt, text: tokenizer.decode(generation.tokens),
          end: generation.end.rawValue, tokens: generation.tokens.count)
      },
      usage: Baseline.Usage(
        promptTokens: encoded.reduce(0) { $0 + $1.count },
        completionTokens: generations.reduce(0) { $0 + $1.tokens.count }),
      prefillTokensPerS: speed.prefillTokensPerSecond,
      decodeTokensPerS: speed.decodeTokensPerSecond, modelBytes: packed.bytes.total,
      peakRssBytes: ProcessMemory.peakResidentBytes, tasks: tasks)
    let report = try environment.writeReport(baseline, "teacher_baseline.json", of: running)
    let facts = ["usage", "prefill_tokens_per_s", "decode_tokens_per_s", "model_bytes", "tasks"]
    return .succeeded(
      result: .object(JSONObject(facts.compactMap { name in report[name].map { (name, $0) } })))
  }

  /// What is asked.
  static func prompts(_ spec: TeacherSpec, paths: ReadablePaths) throws -> [String] {
    switch spec.input {
    case .prompts(let prompts): return prompts
    case .corpus(let source):
      guard case .pairs(let pairs) = try source.load(paths: paths) else {
        throw Problem(
          type: "urn:bitnet:problem:unusable-corpus", title: "The corpus has no prompts",
          detail: "a teacher baseline needs a .jsonl corpus of prompt and completion pairs, or "
            + "\"prompts\"")
      }
      return pairs.prefix(spec.limit).map(\.context)
    }
  }
}

extension GenerationSpeed {
  /// Nil when nothing was prefilled.
  var prefillTokensPerSecond: Double? {
    prefillSeconds > 0 ? Double(prefillTokens) / prefillSeconds : nil
  }

  /// Nil when nothing was decoded.
  var decodeTokensPerSecond: Double? {
    decodeSeconds > 0 ? Double(decodeTokens) / decodeSeconds : nil
  }
}
