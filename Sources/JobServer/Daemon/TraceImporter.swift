internal import Checkpoints
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Teachers
internal import Tokenization
internal import Traces

/// Takes over traces that another program wrote: they become shards like ours in the data folder.
struct TraceImporter {
  private let environment: JobEnvironment

  init(environment: JobEnvironment) {
    self.environment = environment
  }

  /// - Throws: `Problem` that names the file and what was expected of it.
  func run(_ request: TraceImport) throws -> TraceRecord {
    let source = try environment.paths.resolve(folder: request.path)
    let tokenizerFile = try environment.paths.resolve(request.tokenizer)
    do {
      let tokenizer = try Tokenizer(contentsOf: tokenizerFile)
      guard let layout = try ForeignLayout.found(in: source) else {
        throw Self.unusable(
          "\(source.path): no Parquet file in a layout that is known (published, distillkit, axolotl)"
        )
      }
      let traces = try ForeignTraces(
        folder: source, layout: layout, structural: StructuralTokens.table(of: tokenizer))
      return try take(traces, layout, tokenizer, request, from: source)
    } catch let error as TraceError {
      throw Self.unusable("\(error)")
    } catch let error as TokenizerError {
      throw Self.unusable("\(tokenizerFile.path): \(error)")
    }
  }

  private func take(
    _ traces: ForeignTraces, _ layout: ForeignLayout, _ tokenizer: Tokenizer,
    _ request: TraceImport, from source: URL
  ) throws -> TraceRecord {
    let id = TraceID.make(at: .now())
    let folder = try environment.folder.made(
      environment.folder.url("traces").appendingPathComponent(id.text))
    do {
      try AtomicFile.write(tokenizer.json, to: folder.appendingPathComponent("tokenizer.json"))
      var metadata = TraceMetadata(
        teacher: request.teacher.isEmpty ? "unknown" : request.teacher,
        teacherFingerprint: "imported:" + layout.rawValue, tokenizerSHA256: tokenizer.sha256,
        topK: 1, vocabularySize: tokenizer.vocabularySize, seed: 0)
      metadata.projection = "imported"
      metadata.projectionCoverage = [:]
      var shards: [TraceShardSummary] = []
      _ = try traces.convert(into: folder, metadata: metadata) { shards.append($0) }
      let set = try TraceSet(folder: folder)
      let report = try QualityReport(reading: set)
      if let failure = report.gateFailure { throw Self.unusable("\(source.path): \(failure)") }
      try AtomicFile.write(report.json(), to: folder.appendingPathComponent("quality_report.json"))
      try AtomicFile.write(
        Data(QualityPicture(of: report).svg.utf8),
        to: folder.appendingPathComponent("quality_report.svg"))
      let record = TraceRecord(
        id: id, name: request.name.isEmpty ? source.lastPathComponent : request.name,
        path: environment.folder.relativePath(folder),
        metadata: try JSONValue(encoding: set.metadata), isComplete: true, createdAt: .now())
      try environment.store.addTrace(record)
      for shard in shards {
        try environment.store.addTraceShard(
          TraceShardRecord(shard, of: record, in: folder, environment.folder))
      }
      return try environment.store.trace(id)
    } catch {
      // Nothing half taken stays.
      try? FileManager.default.removeItem(at: folder)
      throw error
    }
  }

  private static func unusable(_ detail: String) -> Problem {
    Problem(
      type: "urn:bitnet:problem:unusable-traces", title: "The traces cannot be used",
      detail: detail)
  }
}

extension TraceShardRecord {
  /// The record of a shard that lies in `folder`.
  init(_ shard: TraceShardSummary, of trace: TraceRecord, in folder: URL, _ root: DataFolder) {
    self.init(
      traceID: trace.id, number: Int(shard.file.filter(\.isNumber)) ?? 0,
      path: root.relativePath(folder.appendingPathComponent(shard.file)),
      bytes: Int64(shard.bytes), sha256: shard.sha256,
      sequences: shard.spans.map {
        TraceSequenceRows(
          sequence: $0.sequenceID, firstRow: Int64($0.firstRow), rowCount: Int64($0.rowCount))
      },
      statistics: ["rows": .int(Int64(shard.rowCount))])
  }
}
