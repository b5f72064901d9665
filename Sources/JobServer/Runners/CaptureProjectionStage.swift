internal import Checkpoints
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Teachers
internal import Tokenization
internal import Traces
internal import WorkerPool

/// The last stage of a collection whose teacher has tokens of its own: captures to traces.
struct CaptureProjectionStage {
  let environment: JobEnvironment
  let running: RunningJob
  let spec: CollectSpec
  /// Whether rows of the prompt count in the loss as well.
  let trainsOnPrompt: Bool
  /// How much of the job was done before, 0 to 1.
  let doneBefore: Double

  /// Projects the captures of `captures` to the student's tokens, into `data`.
  ///
  /// - Returns: nil when it was asked to stop.
  func run(
    _ captures: URL, _ metadata: CaptureMetadata, to student: Tokenizer, into data: URL
  ) throws -> (recording: TraceRecording, coverage: ProjectionCoverage)? {
    try AtomicFile.write(student.json, to: data.appendingPathComponent("tokenizer.json"))
    var traced = TraceMetadata(
      teacher: metadata.model, teacherFingerprint: metadata.teacherFingerprint,
      tokenizerSHA256: student.sha256, topK: spec.topK, vocabularySize: student.vocabularySize,
      seed: spec.seed, corpusSHA256: metadata.corpusSHA256)
    let method: TokenProjection.Method =
      spec.projection == .contextual ? .contextual : .legacyFirstSubtoken
    traced.projection = method.rawValue
    let recording = try TraceRecording(traced, in: data, environment, running)
    let coverage = try CaptureProjection(
      to: student, method: method, topK: spec.topK, trainsOnPrompt: trainsOnPrompt,
      logprobBits: spec.storedBits, zstdLevel: spec.zstdLevel, seed: spec.seed
    ).run(
      captures: CaptureReader(folder: captures), into: data,
      shouldStop: { running.stopRequested != nil },
      progress: { progress in
        running.report(
          Progress(
            fraction: doneBefore + (1 - doneBefore) * progress.fraction,
            message: "projecting: \(progress.captures) of \(progress.total) captures"))
      },
      onShard: { try recording.add($0) })
    return coverage.map { (recording, $0) }
  }
}
