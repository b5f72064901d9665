import Foundation
import Kernels
import TestSupport
import Transformer

@testable import Teachers
@testable import Traces

/// A model of 23 tokens, small enough for the reference.
struct TinyTeacher {
  let configuration = ModelConfiguration(
    vocabSize: 23, hiddenSize: 16, intermediateSize: 20, numHiddenLayers: 2, numAttentionHeads: 2,
    numKeyValueHeads: 1, headDim: 8, rmsNormEps: 1e-5)
  let parameters: Parameters

  init(seed: UInt64 = 1) {
    var random = SplitMix64(seed: seed)
    parameters = Parameters(layout: ParameterLayout(configuration))
    for view in parameters.layout.views {
      for index in 0..<view.count {
        let number = Float.random(in: -1...1, using: &random)
        parameters.values[view.offset + index] = view.isMatrix ? number : 1 + 0.3 * number
      }
    }
  }

  func teacher(batchRows: Int = 40) throws(TeacherError) -> LocalTeacher {
    try LocalTeacher(
      configuration: configuration, parameters: parameters, maximumLength: 20,
      batchRows: batchRows, team: ComputeTeam(threadCount: 2))
  }

  /// The logs of the softmax at every position in double precision, `[T][V]`.
  func logprobs(_ tokens: [Int32]) -> [[Double]] {
    var reference = ReferenceTransformer(
      configuration: configuration, parameters: parameters, activationBits: nil)
    let head = reference.tensors["lm_head.weight"] ?? []
    return reference.hidden([tokens])[0].map { hidden in
      let logits = ReferenceOperations.project(hidden, head)
      let largest = logits.max() ?? 0
      let lse = largest + log(logits.reduce(0) { $0 + exp($1 - largest) })
      return logits.map { $0 - lse }
    }
  }

  /// Texts of 1 to 20 tokens whose second half counts in the loss.
  func texts(count: Int, seed: UInt64 = 2) -> [UnscoredSequence] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { id in
      let length = Int.random(in: 1...20, using: &random)
      return UnscoredSequence(
        id: Int64(id), tokens: (0..<length).map { _ in Int32.random(in: 0..<23, using: &random) },
        firstTarget: length / 2, structural: (0..<23).map { $0 % 5 == 0 })
    }
  }

  static let metadata = TraceMetadata(
    teacher: "tiny", teacherFingerprint: "ffff", tokenizerSHA256: "tttt", topK: 5,
    vocabularySize: 23, seed: 1)
}
