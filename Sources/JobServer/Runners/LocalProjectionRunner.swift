// A local teacher for a student of another tokenizer: captures first, in the teacher's own tokens,
// then their projection, which asks nobody.

internal import Checkpoints
internal import Corpora
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Teachers
internal import Tokenization
internal import Traces
internal import WorkerPool

/// Captures what a local teacher says and projects it.
struct LocalProjectionRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  /// - Parameters:
  ///   - tokenizer: the teacher's. - job: the job's folder.
  func run(
    _ spec: CollectSpec, teacher: LocalTeacher, tokenizer: Tokenizer, record: ModelRecord,
    student: Tokenizer, in job: URL
  ) throws -> JobOutcome {
    guard spec.sampledDraws == 0 else {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "sampled_draws: a student of another tokenizer gets the largest candidates and "
          + "Other; leave it at 0, or leave out tokenizer")
    }
    let captures = try environment.folder.made(job.appendingPathComponent("captures"))
    let data = try environment.folder.made(job.appendingPathComponent("data"))
    let texts = try self.texts(spec, tokenizer: tokenizer)
    let metadata = try captureMetadata(spec, record, tokenizer, texts)
    let result = try LocalCaptureCollector(
      teacher: teacher, tokenizer: tokenizer, topK: spec.topK, lengthLimit: spec.sequenceLength
    ).collect(
      texts, into: captures, metadata: metadata, tokenBudget: spec.tokenBudget,
      shouldStop: { running.stopRequested != nil }, progress: tell,
      onShard: { try add($0, in: captures) })
    if result.end == .stopped { return .stopped }
    if result.cutTexts > 0 {
      running.log(.warning, "\(result.cutTexts) texts are cut at \(spec.sequenceLength) tokens")
    }
    let projection = CaptureProjectionStage(
      environment: environment, running: running, spec: spec,
      trainsOnPrompt: texts.allSatisfy(\.prompt.isEmpty), doneBefore: 0.9)
    guard let traces = try projection.run(captures, metadata, to: student, into: data) else {
      return .stopped
    }
    var facts = try traces.recording.finish(
      end: result.end.rawValue, projection: traces.coverage)
    facts["cut_texts"] = .int(Int64(result.cutTexts))
    return .succeeded(result: .object(facts))
  }

  /// Prompts and answers, or pieces of a running text.
  private func texts(_ spec: CollectSpec, tokenizer: Tokenizer) throws -> [CaptureText] {
    switch try spec.corpus.load(paths: environment.paths) {
    case .text(let text):
      CaptureText.pieces(of: text, tokenizer: tokenizer, length: spec.sequenceLength)
    case .pairs(let pairs):
      pairs.enumerated().map { index, pair in
        CaptureText(
          id: Int64(index), prompt: pair.context, text: pair.completion, endsText: true)
      }
    }
  }

  private func captureMetadata(
    _ spec: CollectSpec, _ record: ModelRecord, _ tokenizer: Tokenizer, _ texts: [CaptureText]
  ) throws -> CaptureMetadata {
    var bytes = Data()
    for text in texts {
      bytes.append(contentsOf: "\(text.id)\0\(text.prompt)\0\(text.text)\0".utf8)
    }
    var metadata = CaptureMetadata(
      provider: "local", baseURL: "", model: record.name,
      teacherFingerprint: record.fingerprint, terms: spec.teacher.terms.rawValue,
      capabilities: "{}", samplingTemperature: 1, maxTokens: 0, topK: spec.topK, seed: spec.seed,
      corpusSHA256: ChecksumList.digest(of: bytes))
    metadata.purpose = .score
    metadata.endOfTextID = tokenizer.endOfText
    return metadata
  }

  private func tell(_ progress: CollectionProgress) {
    running.report(
      Progress(
        fraction: 0.9 * progress.fraction, step: Int64(progress.tokens),
        stepsTotal: Int64(progress.tokenTotal),
        message: String(
          format: "%d texts, %.0f tokens/s", progress.sequences, progress.tokensPerSecond)))
    running.metrics(
      [("tokens_per_s", progress.tokensPerSecond)], step: Int64(progress.tokens))
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
}

extension CollectSpec {
  /// Bits of a stored log-probability.
  var storedBits: LogprobBits { logprobBits == .sixteen ? .sixteen : .thirtyTwo }
}
