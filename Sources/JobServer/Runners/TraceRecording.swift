internal import Checkpoints
internal import Foundation
internal import JobStore
internal import Jobs
internal import Traces
internal import WorkerPool

/// Makes what a collection writes known: the set of traces, its shards, its quality.
struct TraceRecording {
  private let environment: JobEnvironment
  private let running: RunningJob
  /// The set of traces.
  let record: TraceRecord
  private let folder: URL

  /// The traces in `folder`: the record of an earlier attempt, so that its shards stay with it, or a
  /// new one.
  init(
    _ metadata: TraceMetadata, in folder: URL, _ environment: JobEnvironment,
    _ running: RunningJob
  ) throws {
    self.environment = environment
    self.running = running
    self.folder = folder
    if let earlier = try? environment.store.trace(madeBy: running.job.id) {
      record = earlier
    } else {
      record = TraceRecord(
        id: .make(at: .now()), jobID: running.job.id, name: running.job.name,
        path: environment.folder.relativePath(folder),
        metadata: try JSONValue(encoding: metadata), createdAt: .now())
    }
    running.addTrace(record)
  }

  /// Adds a shard that is on the disk: in the database it is a place to go on from.
  func add(_ shard: TraceShardSummary) throws {
    let file = folder.appendingPathComponent(shard.file)
    running.addTraceShard(TraceShardRecord(shard, of: record, in: folder, environment.folder))
    running.addArtifact(
      Artifact(
        name: "data/" + shard.file, path: environment.folder.relativePath(file),
        bytes: Int64(shard.bytes), sha256: shard.sha256,
        mediaType: "application/vnd.apache.parquet", createdAt: .now()))
    try running.recordCheckpoint(environment.folder.relativePath(file))
  }

  /// Judges the traces and makes them complete.
  ///
  /// - Parameter projection: how the teacher's tokens became the student's, for the report.
  /// - Returns: the job's result, as far as it is about the traces.
  /// - Throws: `Problem` when too many rows are invalid.
  func finish(end: String, projection: ProjectionCoverage? = nil) throws -> JSONObject {
    var report = try QualityReport(reading: TraceSet(folder: folder))
    report.projection = projection
    if let failure = report.gateFailure {
      throw Problem(
        type: "urn:bitnet:problem:bad-traces", title: "The traces are not usable", detail: failure)
    }
    let json = folder.appendingPathComponent("quality_report.json")
    let picture = folder.appendingPathComponent("quality_report.svg")
    try AtomicFile.write(report.json(), to: json)
    try AtomicFile.write(Data(QualityPicture(of: report).svg.utf8), to: picture)
    for file in [json, picture] {
      running.addArtifact(try Artifact(file: file, in: environment.folder))
    }
    var complete = record
    complete.isComplete = true
    running.addTrace(complete)
    try environment.folder.publish("data", of: running.job.id)
    return [
      "traces": .string(record.id.text), "end": .string(end),
      "sequences": .int(Int64(report.sequences)), "rows": .int(Int64(report.rows)),
      "invalid_rows": .int(Int64(report.invalidRows)),
    ]
  }
}
