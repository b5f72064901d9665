package import Foundation
package import Tokenization
package import Traces

/// How far a projection of captures is.
package struct ProjectionProgress: Equatable, Sendable {
  /// Captures that are read.
  package let captures: Int
  /// Of all.
  package let total: Int

  /// Share of the work that is done, 0 to 1.
  package var fraction: Double { total == 0 ? 1 : Double(captures) / Double(total) }
}

/// Makes a trace in one student's tokens from stored captures, without asking the teacher.
package struct CaptureProjection {
  private let method: TokenProjection.Method
  private let student: Tokenizer
  private let trainsOnPrompt: Bool
  private let topK: Int
  private let logprobBits: LogprobBits
  private let zstdLevel: Int
  private let seed: UInt64

  /// - Parameters:
  ///   - method: which rules bring candidates to the student's tokens.
  ///   - topK: candidates a row.
  ///   - trainsOnPrompt: whether prompts count in the loss, as in captures of whole texts.
  package init(
    to student: Tokenizer, method: TokenProjection.Method = .contextual, topK: Int,
    trainsOnPrompt: Bool = false, logprobBits: LogprobBits = .thirtyTwo,
    zstdLevel: Int = TraceShardWriter.defaultLevel, seed: UInt64 = 1
  ) {
    self.method = method
    self.logprobBits = logprobBits
    self.zstdLevel = zstdLevel
    self.student = student
    self.trainsOnPrompt = trainsOnPrompt
    self.topK = topK
    self.seed = seed
  }

  /// Projects every capture of `captures` into the trace folder `folder`, which must exist.
  ///
  /// A run that was interrupted goes on behind its last shard. Every shard says the coverage up to
  /// its end, what is returned that of all captures.
  ///
  /// - Parameters:
  ///   - shouldStop: asked between groups of captures.
  ///   - onShard: called when a shard is stored, and first for those of earlier runs.
  /// - Returns: what was done with the teacher's mass; nil when it was stopped.
  /// - Throws: `TraceError`, `FileError`.
  package func run(
    captures: CaptureReader, into folder: URL, shouldStop: () -> Bool = { false },
    progress: (ProjectionProgress) -> Void = { _ in },
    onShard: (TraceShardSummary) throws -> Void = { _ in }
  ) throws -> ProjectionCoverage? {
    let projection = TokenProjection(
      to: student, method: method, topK: topK, teacherEnd: captures.metadata.endOfTextID)
    var coverage = ProjectionCoverage()
    let writer = try TraceShardWriter(
      folder: folder, metadata: metadata(captures.metadata), zstdLevel: zstdLevel)
    for shard in writer.earlierShards { try onShard(shard) }
    let firstNew = writer.nextSequenceID
    var done = 0
    var isStopped = false
    try captures.forEachGroup { group in
      guard !shouldStop() else {
        isStopped = true
        return false
      }
      for capture in group {
        // Those that an earlier run wrote are only counted.
        let sequence = projection.project(
          capture, endsText: capture.isEnded, trainsOnPrompt: trainsOnPrompt, coverage: &coverage)
        guard let sequence, capture.id >= firstNew else { continue }
        writer.projectionCoverage = coverage.shares
        if let summary = try writer.append(sequence) { try onShard(summary) }
      }
      done += group.count
      progress(ProjectionProgress(captures: done, total: captures.count))
      return true
    }
    if let summary = try writer.finish() { try onShard(summary) }
    return isStopped ? nil : coverage
  }

  private func metadata(_ captured: CaptureMetadata) -> TraceMetadata {
    var metadata = TraceMetadata(
      teacher: captured.model, teacherFingerprint: captured.teacherFingerprint,
      tokenizerSHA256: student.sha256, topK: topK, vocabularySize: student.vocabularySize,
      seed: seed, corpusSHA256: captured.corpusSHA256)
    metadata.projection = method.rawValue
    metadata.logprobBits = logprobBits
    metadata.projectionCoverage = [:]
    if captured.purpose == .answer {
      metadata.tokenSource = .teacher
      metadata.samplingTemperature = captured.samplingTemperature
    }
    return metadata
  }
}

extension Capture {
  /// Whether the teacher ended its answer itself, so that the end of text follows.
  package var isEnded: Bool {
    ["stop", "eos", "end_turn", "end_of_text", "completed"].contains(finishReason)
  }
}
