internal import Checkpoints
internal import Corpora
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
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
    running.report(Progress(message: "reading the teacher"))
    let record = try environment.modelRecord(spec.teacher.model)
    let model = try ModelFolder.load(environment.folder.url(record.path))
    try requireTeachersTokenizer(spec, model)
    let batchRows = max(spec.batchSize * spec.sequenceLength, spec.sequenceLength)
    try environment.requireMemory(
      LocalTeacher.memoryBytes(
        model.configuration, maximumLength: spec.sequenceLength, batchRows: batchRows),
      for: "the teacher at \(spec.batchSize) × \(spec.sequenceLength) tokens")
    let texts = try sequences(spec, tokenizer: model.tokenizer)

    let folder = try environment.folder.folder(of: running.job.id)
    let data = try environment.folder.made(folder.appendingPathComponent("data"))
    try AtomicFile.write(model.tokenizer.json, to: data.appendingPathComponent("tokenizer.json"))
    let metadata = TraceMetadata(
      teacher: record.name, teacherFingerprint: record.fingerprint,
      tokenizerSHA256: model.tokenizer.sha256, topK: spec.topK,
      vocabularySize: model.tokenizer.vocabularySize, seed: spec.seed)
    let trace = try traceRecord(metadata, at: data)
    running.addTrace(trace)

    var options = TraceCollector.Options()
    options.choice = .top(spec.topK)
    options.tokenBudget = spec.tokenBudget
    options.signal = .loss
    let teacher = try LocalTeacher(
      configuration: model.configuration, parameters: model.parameters,
      maximumLength: spec.sequenceLength, batchRows: batchRows, team: environment.team)
    let end = try TraceCollector(teacher: teacher, options: options).collect(
      texts.scored, into: data, metadata: metadata,
      shouldStop: { running.stopRequested != nil }, progress: tell,
      onShard: { try add($0, to: trace, in: data) })
    if end == .stopped { return .stopped }
    return .succeeded(result: try finish(trace, end: end, data: data, cut: texts.cut))
  }

  // MARK: - Input

  /// Projection between tokenizers needs captures, which hosted teachers bring; a local teacher
  /// speaks its own tokens.
  private func requireTeachersTokenizer(_ spec: CollectSpec, _ model: LoadedModel) throws {
    let asked: Tokenizer? =
      switch spec.tokenizer {
      case nil: nil
      case .file(let path): try Tokenizer(contentsOf: environment.paths.resolve(path))
      case .model(let reference):
        try ModelFolder.tokenizer(in: environment.modelFolder(reference))
      case .trained:
        throw Problem(
          type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
          detail: "tokenizer.train: traces need the student's tokenizer as it is; train it first")
      }
    guard let asked, asked.sha256 != model.tokenizer.sha256 else { return }
    throw Problem(
      type: "urn:bitnet:problem:mismatch", title: "Teacher and student have different tokenizers",
      detail: "the teacher's has SHA-256 \(model.tokenizer.sha256), the asked one "
        + "\(asked.sha256); projection between tokenizers is not supported yet")
  }

  private func sequences(
    _ spec: CollectSpec, tokenizer: Tokenizer
  ) throws -> (scored: [UnscoredSequence], cut: Int) {
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
        let example = TokenizedExample(pair, tokenizer: tokenizer)
        if example.tokens.count > spec.sequenceLength { cut += 1 }
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

  /// The trace's record: the one of an earlier attempt, so that its shards stay with it.
  private func traceRecord(_ metadata: TraceMetadata, at data: URL) throws -> TraceRecord {
    if let earlier = try? environment.store.trace(madeBy: running.job.id) { return earlier }
    return TraceRecord(
      id: .make(at: .now()), jobID: running.job.id, name: running.job.name,
      path: environment.folder.relativePath(data), metadata: try JSONValue(encoding: metadata),
      createdAt: .now())
  }

  private func add(_ shard: TraceShardSummary, to trace: TraceRecord, in data: URL) throws {
    let file = data.appendingPathComponent(shard.file)
    running.addTraceShard(
      TraceShardRecord(
        traceID: trace.id, number: Self.number(of: shard.file),
        path: environment.folder.relativePath(file), bytes: Int64(shard.bytes),
        sha256: shard.sha256,
        sequences: shard.spans.map {
          TraceSequenceRows(
            sequence: $0.sequenceID, firstRow: Int64($0.firstRow), rowCount: Int64($0.rowCount))
        },
        statistics: ["rows": .int(Int64(shard.rowCount))]))
    running.addArtifact(
      Artifact(
        name: "data/" + shard.file, path: environment.folder.relativePath(file),
        bytes: Int64(shard.bytes), sha256: shard.sha256,
        mediaType: "application/vnd.apache.parquet", createdAt: .now()))
    // A shard in the database is a place to go on from.
    try running.recordCheckpoint(environment.folder.relativePath(file))
  }

  /// 7 for `kd_shard_007.parquet`.
  private static func number(of file: String) -> Int {
    Int(file.filter(\.isNumber)) ?? 0
  }

  // MARK: - End

  private func finish(
    _ trace: TraceRecord, end: CollectionEnd, data: URL, cut: Int
  ) throws -> JSONValue {
    let report = try QualityReport(reading: TraceSet(folder: data))
    guard report.passesGate else {
      throw Problem(
        type: "urn:bitnet:problem:bad-traces", title: "The traces are not usable",
        detail: "\(report.invalidRows) of \(report.rows) rows are invalid; at most "
          + "\(QualityReport.invalidShareLimit * 100) % may be")
    }
    let json = data.appendingPathComponent("quality_report.json")
    let picture = data.appendingPathComponent("quality_report.svg")
    try AtomicFile.write(report.json(), to: json)
    try AtomicFile.write(Data(QualityPicture(of: report).svg.utf8), to: picture)
    for file in [json, picture] {
      running.addArtifact(try Artifact(file: file, in: environment.folder))
    }
    var complete = trace
    complete.isComplete = true
    running.addTrace(complete)
    try environment.folder.publish("data", of: running.job.id)
    return [
      "traces": .string(trace.id.text), "end": .string(end.rawValue),
      "sequences": .int(Int64(report.sequences)), "rows": .int(Int64(report.rows)),
      "invalid_rows": .int(Int64(report.invalidRows)), "cut_texts": .int(Int64(cut)),
    ]
  }
}
