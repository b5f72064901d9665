import Foundation
import TestSupport

@testable import Traces

extension TraceMetadata {
  /// Metadata of a small trace.
  static let example = TraceMetadata(
    teacher: "tiny", teacherFingerprint: "aaaa", tokenizerSHA256: "bbbb", topK: 5,
    vocabularySize: 100, seed: 18_446_744_073_709_551_615, corpusSHA256: "cccc")
}

extension TraceSequence {
  /// A sequence whose rows are distributions, with 0 to `topK` candidates each.
  static func random(
    id: Int64, count: Int, topK: Int = 5, vocabularySize: Int = 100,
    using random: inout SplitMix64
  ) -> TraceSequence {
    var ids: [Int32] = []
    var logprobs: [Float] = []
    var counts: [Int32] = []
    var others: [Float] = []
    for row in 0..<count {
      let candidates = row == 0 ? 0 : Int.random(in: 1...topK, using: &random)
      counts.append(Int32(candidates))
      let masses = (0...candidates).map { _ in Double.random(in: 0.01...1, using: &random) }
      let total = masses.reduce(0, +)
      let sorted = masses.dropLast().sorted(by: >)
      let chosen = (0..<Int32(vocabularySize)).shuffled(using: &random).prefix(candidates)
      ids += chosen + Array(repeating: -1, count: topK - candidates)
      logprobs += sorted.map { Float(log($0 / total)) }
      logprobs += Array(repeating: -.infinity, count: topK - candidates)
      others.append(candidates == 0 ? 0 : Float(log(masses[candidates] / total)))
    }
    return TraceSequence(
      id: id, tokens: (0..<count).map { _ in Int32.random(in: 0..<100, using: &random) },
      topK: topK, topKIDs: ids, topKLogprobs: logprobs, candidateCounts: counts,
      otherLogprob: others, lossMask: (0..<count).map { _ in Bool.random(using: &random) },
      isStruct: (0..<count).map { _ in Bool.random(using: &random) })
  }

  /// One row after the first one, with the given candidates.
  static func row(
    ids: [Int32], logprobs: [Float], other: Float, token: Int32 = 1
  ) -> TraceSequence {
    let topK = 5
    let padding = topK - ids.count
    return TraceSequence(
      id: 0, tokens: [token], topK: topK, topKIDs: ids + Array(repeating: -1, count: padding),
      topKLogprobs: logprobs + Array(repeating: -.infinity, count: padding),
      candidateCounts: [Int32(ids.count)], otherLogprob: [other], lossMask: [true],
      isStruct: [false])
  }
}

/// Sequences with ids from 0, 1 to 30 tokens long.
func exampleSequences(count: Int, seed: UInt64) -> [TraceSequence] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map {
    .random(id: Int64($0), count: Int.random(in: 1...30, using: &random), using: &random)
  }
}
