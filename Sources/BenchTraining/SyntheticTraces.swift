import Distillation
import Transformer

/// Random texts with a plausible teacher, as the peer's script makes them: K distinct ids, falling
/// log-probabilities, the rest of the mass in Other.
enum SyntheticTraces {
  static let candidateCount = 20

  static func data(for benchCase: BenchCase) -> InMemoryData {
    var random = SystemRandomNumberGenerator()
    return InMemoryData(
      (0..<benchCase.batch.sequences).map { _ in
        sequence(
          tokens: benchCase.batch.length + 1,
          vocabularySize: Int32(benchCase.configuration.vocabSize), using: &random)
      })
  }

  private static func sequence(
    tokens count: Int, vocabularySize: Int32, using random: inout some RandomNumberGenerator
  ) -> TrainingSequence {
    var ids: [Int32] = []
    var logprobs: [Float] = []
    var others: [Float] = []
    for _ in 0..<count {
      let first = Int32.random(in: 0..<vocabularySize - 4096, using: &random)
      var distinct: Set<Int32> = []
      while distinct.count < candidateCount {
        distinct.insert(first + Int32.random(in: 0..<4096, using: &random))
      }
      ids += distinct
      // Geometric: half of what is left to each; what the last leaves is Other's.
      for rank in 1...candidateCount { logprobs.append(-Float(rank) * 0.25 - 1.2587) }
      others.append(-4.999)
    }
    return TrainingSequence(
      tokens: (0..<count).map { _ in Int32.random(in: 0..<vocabularySize, using: &random) },
      lossMask: (0..<count).map { $0 > 0 }, isStruct: Array(repeating: false, count: count),
      teacher: TeacherSignal(
        candidateCount: candidateCount, ids: ids, logprobs: logprobs, otherLogprobs: others))
  }
}
