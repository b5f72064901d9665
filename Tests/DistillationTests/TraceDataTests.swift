import Checkpoints
import Foundation
import Kernels
import Testing
import Traces

@testable import Distillation

struct TraceDataTests {
  /// Writes the sequences of the fixture as a trace, and opens it.
  private func traces(_ sequences: [TrainingSequence], in folder: URL) throws -> TraceSet {
    let metadata = TraceMetadata(
      teacher: "rule", teacherFingerprint: "rule-1", tokenizerSHA256: "tok", topK: 3,
      vocabularySize: TrainingFixture.vocabularySize, seed: 1)
    let writer = try TraceShardWriter(folder: folder, metadata: metadata, rowsPerShard: 64)
    for (index, sequence) in sequences.enumerated() {
      _ = try writer.append(trace(sequence, id: Int64(index)))
    }
    _ = try writer.finish()
    return try TraceSet(folder: folder)
  }

  private func trace(_ sequence: TrainingSequence, id: Int64) throws -> TraceSequence {
    let teacher = try #require(sequence.teacher)
    let topK = teacher.candidateCount
    return TraceSequence(
      id: id, tokens: sequence.tokens, topK: topK, topKIDs: teacher.ids,
      topKLogprobs: teacher.logprobs,
      candidateCounts: sequence.tokens.indices.map { row in
        Int32(teacher.ids[row * topK..<(row + 1) * topK].count { $0 >= 0 })
      },
      otherLogprob: teacher.otherLogprobs, lossMask: sequence.lossMask,
      isStruct: sequence.isStruct)
  }

  @Test func `a trace trains to the same bits as its sequences in memory`() throws {
    try TrainingFixture.withFolder { folder in
      let inMemory = TrainingFixture.data()
      let sequences = (0..<inMemory.count).map { inMemory.sequence(at: $0) }
      let data = try TraceData(traces(sequences, in: folder))
      #expect(data.count == sequences.count)
      let fromTrace = try Trainer(
        recipe: TrainingFixture.recipe(), configuration: TrainingFixture.configuration(),
        data: data, team: ComputeTeam(threadCount: 1))
      let direct = try TrainingFixture.trainer(data: inMemory)
      try fromTrace.finish()
      try direct.finish()
      #expect(fromTrace.weightsDigest == direct.weightsDigest)
    }
  }
}
