import CKernels
import Foundation
import Kernels

/// Which tokens of a teacher's distribution a trace keeps.
package enum CandidateChoice: Equatable, Sendable {
  /// The K largest; the mass of all others is Other.
  case top(Int)
  /// The `exact` (at least one) largest as they are, and for the mass of all others `draws` ids drawn in proportion
  /// to it, each weighted by how often it came: nothing is Other.
  ///
  /// Every token's expected weight is its probability, so that sums over the vocabulary that are
  /// linear in the teacher's distribution, such as the gradient of the forward KL at temperature 1,
  /// are right on average (Anshumann et al. 2025, arXiv:2503.16870, with importance weights of 1,
  /// because the proposal is the distribution itself). Top-K's never are.
  case sampled(exact: Int, draws: Int)

  /// Most candidates that a row can have.
  package var candidatesMax: Int {
    switch self {
    case .top(let count): count
    case .sampled(let exact, let draws): exact + draws
    }
  }
}

/// One row of a sampled trace.
struct SampledRow {
  let ids: [Int32]
  /// Natural logs of the weights, which sum to 1; falling, equal ones by rising id.
  let logprobs: [Float]

  /// Draws for one row.
  ///
  /// - Parameters:
  ///   - exactIDs: tokens kept as they are.
  ///   - restLogprob: log of the mass of all others.
  ///   - restMasses: `[vocabularySize]`, of the others, up to a factor; 0 or less at the exact ones.
  ///   - seed: of this row alone.
  init(
    exactIDs: ArraySlice<Int32>, exactLogprobs: ArraySlice<Float>, restLogprob: Float,
    restMasses: UnsafePointer<Float>, vocabularySize: Int, draws: Int, seed: UInt64
  ) {
    var random = RowRandom(seed: seed)
    let uniforms = (0..<draws).map { _ in Double.random(in: 0..<1, using: &random) }.sorted()
    var ids = [Int32](repeating: 0, count: draws)
    var counts = [Int32](repeating: 0, count: draws)
    let found = draw_from_masses(restMasses, vocabularySize, uniforms, draws, &ids, &counts)
    var candidates = Array(zip(exactIDs, exactLogprobs.map(Double.init)))
    for index in 0..<found {
      candidates.append(
        (ids[index], Double(restLogprob) + log(Double(counts[index]) / Double(draws))))
    }
    candidates.sort { ($1.1, $0.0) < ($0.1, $1.0) }
    self.ids = candidates.map(\.0)
    logprobs = candidates.map { Float($0.1) }
  }

  /// The seed of a row: what is drawn does not depend on batches, threads or the other texts.
  static func seed(_ seed: UInt64, sequence: Int64, position: Int) -> UInt64 {
    var random = RowRandom(
      seed: seed ^ UInt64(bitPattern: sequence) &* 0x9E37_79B9_7F4A_7C15)
    return random.next() &+ UInt64(position) &* 0xD1B5_4A32_D192_ED03
  }
}

/// SplitMix64 (Steele et al. 2014): good bits from any seed, and no state but 64 bits.
private struct RowRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
    return bits ^ bits >> 31
  }
}
