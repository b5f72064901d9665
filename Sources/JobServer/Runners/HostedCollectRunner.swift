// A collection from a teacher that others serve: captures first, in the teacher's own tokens, then
// their projection to the student's, which asks nobody.
//
//   captures/   collection.json  capture_shard_000.parquet …  journal_….log  poison.jsonl
//   data/       kd_shard_000.parquet …  quality_report.json

internal import Checkpoints
internal import Corpora
internal import Foundation
internal import HostedTeachers
internal import JobAPI
internal import Jobs
internal import Teachers
internal import Tokenization
internal import Traces
internal import WorkerPool

/// Collects captures and projects them.
struct HostedCollectRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: CollectSpec) throws -> JobOutcome {
    do {
      return try collect(spec)
    } catch let error as HostedTeacherError {
      throw error.jobProblem
    }
  }

  private func collect(_ spec: CollectSpec) throws -> JobOutcome {
    guard let endpoint = try spec.teacher.endpoint() else { preconditionFailure("not hosted") }
    let key = try endpoint.key(in: ProcessInfo.processInfo.environment)
    let student = try studentTokenizer(spec)
    let prompts = try prompts(spec)
    let folder = try environment.folder.folder(of: running.job.id)
    let captures = try environment.folder.made(folder.appendingPathComponent("captures"))
    warnOfTerms(spec.teacher, endpoint)
    let metadata = try metadata(spec, endpoint, key: key, prompts, in: captures)

    let collected = try ask(
      prompts, spec, endpoint, key: key, metadata: metadata, in: captures)
    guard let collected else { return .stopped }
    let data = try environment.folder.made(folder.appendingPathComponent("data"))
    let projection = CaptureProjectionStage(
      environment: environment, running: running, spec: spec,
      trainsOnPrompt: spec.purpose == .score, doneBefore: 0.95)
    guard let traces = try projection.run(captures, metadata, to: student, into: data) else {
      return .stopped
    }
    var result = try traces.recording.finish(
      end: collected.end.rawValue, projection: traces.coverage)
    for (name, value) in collected.facts { result[name] = value }
    result["projection_coverage"] = .object(
      JSONObject(
        traces.coverage.shares.sorted { $0.key < $1.key }.map { ($0.key, .double($0.value)) }))
    return .succeeded(result: .object(result))
  }

  // MARK: - Before

  private func studentTokenizer(_ spec: CollectSpec) throws -> Tokenizer {
    switch spec.tokenizer {
    case .file(let path)?: try Tokenizer(contentsOf: environment.paths.resolve(path))
    case .model(let reference)?:
      try ModelFolder.tokenizer(in: environment.modelFolder(reference))
    case .trained?, nil:
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "tokenizer: a hosted teacher's answers are brought to the student's tokens, so its "
          + "tokenizer is needed as it is")
    }
  }

  private func prompts(_ spec: CollectSpec) throws -> [String] {
    switch try spec.corpus.load(paths: environment.paths) {
    case .pairs(let pairs):
      return pairs.map { spec.purpose == .answer ? $0.context : $0.text }
    case .text(let text):
      guard spec.purpose == .score else {
        throw Problem(
          type: "urn:bitnet:problem:unusable-corpus", title: "The corpus has no prompts",
          detail: "a hosted teacher answers a .jsonl corpus of prompts; of a text it can only tell "
            + "how likely it is: set \"purpose\" to \"score\"")
      }
      return TextPieces.cut(text, bytesMax: 4 * spec.sequenceLength)
    }
  }

  private func warnOfTerms(_ teacher: TeacherSource, _ endpoint: HostedEndpoint) {
    guard teacher.terms == .unknown, endpoint.provider.isKnownToForbidTraining,
      running.attempt == 1
    else { return }
    running.log(
      .warning,
      "\(endpoint.provider.rawValue)'s terms are known to forbid training other models on its "
        + "answers; set teacher.terms to \"allowed\" if yours allow it")
  }

  /// What all captures have in common: that of an earlier attempt, or of a probe now.
  private func metadata(
    _ spec: CollectSpec, _ endpoint: HostedEndpoint, key: String?, _ prompts: [String],
    in folder: URL
  ) throws -> CaptureMetadata {
    let file = folder.appendingPathComponent("collection.json")
    if let data = try? Data(contentsOf: file) {
      return try JSONDecoder().decode(CaptureMetadata.self, from: data)
    }
    running.report(Progress(message: "probing \(endpoint.baseURL)"))
    let found = try TeacherProbe(endpoint, key: key).run(topK: spec.topK)
    if let refusal = found.refusal(of: spec.question) {
      throw HostedTeacherError.incapable(refusal)
    }
    for remark in found.remarks { running.log(.info, remark) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let capabilities = String(decoding: try encoder.encode(found), as: UTF8.self)
    let identity = [endpoint.baseURL, endpoint.model, found.answeredAs, found.fingerprint]
    var metadata = CaptureMetadata(
      provider: endpoint.provider.rawValue, baseURL: endpoint.baseURL, model: endpoint.model,
      teacherFingerprint: ChecksumList.digest(of: Data(identity.joined(separator: "\n").utf8)),
      terms: spec.teacher.terms.rawValue, capabilities: capabilities,
      samplingTemperature: spec.samplingTemperature, maxTokens: spec.maxTokens, topK: spec.topK,
      seed: spec.seed,
      corpusSHA256: HostedCollector.fingerprint(prompts, spec.question, endpoint))
    metadata.purpose = spec.question.purpose
    try AtomicFile.write(try encoder.encode(metadata), to: file)
    running.addArtifact(
      try Artifact(file: file, in: environment.folder, name: "captures/collection.json"))
    estimate(spec, prompts)
    return metadata
  }

  private func estimate(_ spec: CollectSpec, _ prompts: [String]) {
    let promptTokens = prompts.reduce(0) { $0 + $1.utf8.count } / 4
    var most = HostedSpend()
    most.promptTokens = promptTokens
    most.completionTokens = spec.purpose == .answer ? prompts.count * spec.maxTokens : prompts.count
    let access = spec.teacher.hosted
    let cost = HostedPrices(
      promptPerMillion: access.promptPrice, completionPerMillion: access.completionPrice
    ).cost(of: most)
    running.log(
      .info,
      "\(prompts.count) prompts of about \(promptTokens) tokens; answers of at most "
        + "\(most.completionTokens) tokens"
        + (cost > 0 ? String(format: "; at most about %.2f", cost) : ""))
  }

  // MARK: - Captures

  /// Asks for what is not stored yet.
  ///
  /// - Returns: how it ended and what it took; nil when it was stopped.
  private func ask(
    _ prompts: [String], _ spec: CollectSpec, _ endpoint: HostedEndpoint, key: String?,
    metadata: CaptureMetadata, in folder: URL
  ) throws -> (end: HostedCollectionEnd, facts: JSONObject)? {
    var options = HostedCollectionOptions(spec.teacher.hosted, question: spec.question)
    options.budget.requests = spec.requestBudget
    options.budget.tokens = spec.tokenBudget
    options.budget.money = spec.moneyBudget
    let writer = try CaptureShardWriter(folder: folder, metadata: metadata)
    let journal = try RequestJournal(folder: folder, corpus: metadata.corpusSHA256)
    let collector = HostedCollector(
      prompts, of: endpoint, key: key, options: options, journal: journal,
      shards: Set(try CaptureReader.shardNumbers(in: folder)),
      corpusSHA256: metadata.corpusSHA256
    ) { shard, captures in
      try add(try writer.write(captures, shard: shard), in: folder)
    }
    let end = try collector.run(
      shouldStop: { running.stopRequested != nil }, progress: { tell($0, spec) })
    guard end != .stopped else { return nil }
    let progress = collector.progress
    try addPoison(journal.past.poison, prompts, in: folder)
    guard progress.stored > 0 else {
      throw HostedTeacherError.incapable(
        "none of \(prompts.count) prompts was answered usably; poison.jsonl says why")
    }
    return (end, Self.facts(progress, unanswered: journal.past.unanswered.count))
  }

  private static func facts(_ progress: HostedProgress, unanswered: Int) -> JSONObject {
    [
      "captures": .int(Int64(progress.stored)), "given_up": .int(Int64(progress.poisoned)),
      "requests": .int(Int64(progress.spend.requests)),
      "prompt_tokens": .int(Int64(progress.spend.promptTokens)),
      "completion_tokens": .int(Int64(progress.spend.completionTokens)),
      "cost": .double(progress.cost), "unanswered_requests": .int(Int64(unanswered)),
    ]
  }

  private func tell(_ progress: HostedProgress, _ spec: CollectSpec) {
    var words = [
      "\(progress.stored) of \(progress.prompts) prompts",
      String(format: "%.1f requests/s", progress.requestsPerSecond),
      String(format: "%.0f tokens/s", progress.tokensPerSecond),
      "\(progress.inFlight) in flight", "\(progress.spend.tokens) tokens",
    ]
    if progress.cost > 0 { words.append(String(format: "cost %.2f", progress.cost)) }
    if progress.faults > 0 { words.append("\(progress.faults) faults") }
    if progress.poisoned > 0 { words.append("\(progress.poisoned) given up") }
    let done = Int64(progress.stored + progress.poisoned)
    running.report(
      Progress(
        fraction: 0.95 * progress.fraction, step: done, stepsTotal: Int64(progress.prompts),
        secondsLeft: progress.secondsLeft, message: words.joined(separator: ", ")))
    running.metrics(
      [
        ("requests_per_s", progress.requestsPerSecond), ("tokens_per_s", progress.tokensPerSecond),
        ("in_flight", Double(progress.inFlight)), ("concurrency", Double(progress.concurrency)),
        ("tokens", Double(progress.spend.tokens)), ("cost", progress.cost),
        ("faults", Double(progress.faults)), ("given_up", Double(progress.poisoned)),
      ], step: done)
    running.health(.object(Self.facts(progress, unanswered: progress.inFlight)))
  }

  private func add(_ shard: CaptureShardSummary, in folder: URL) throws {
    let file = folder.appendingPathComponent(shard.file)
    running.addArtifact(
      Artifact(
        name: "captures/" + shard.file, path: environment.folder.relativePath(file),
        bytes: Int64(shard.bytes), sha256: shard.sha256,
        mediaType: "application/vnd.apache.parquet", createdAt: .now()))
    try running.recordCheckpoint(environment.folder.relativePath(file))
  }

  private func addPoison(_ poison: [Int64: String], _ prompts: [String], in folder: URL) throws {
    guard !poison.isEmpty else { return }
    let lines = poison.sorted { $0.key < $1.key }.map { id, reason -> String in
      let line: JSONValue = [
        "id": .int(id), "reason": .string(reason), "prompt": .string(prompts[Int(id)]),
      ]
      return line.text + "\n"
    }
    let file = folder.appendingPathComponent("poison.jsonl")
    try AtomicFile.write(Data(lines.joined().utf8), to: file)
    running.addArtifact(
      try Artifact(file: file, in: environment.folder, name: "captures/poison.jsonl"))
    running.log(
      .warning, "\(poison.count) prompts were given up; captures/poison.jsonl says why")
  }
}
