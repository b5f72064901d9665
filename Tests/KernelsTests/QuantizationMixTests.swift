import Kernels
import TestSupport
import Testing

struct QuantizationMixTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: InstructionSet.available)
  func `weights are mixed with their trits, and both ends are exact`(set: InstructionSet) {
    var random = SplitMix64(seed: 51)
    for (rows, columns) in [(1, 1), (3, 17), (70, 129)] {
      let weights = random.floats(rows * columns)
      let trits = TernaryWeights(rows: rows, columns: columns)
      trits.quantize(from: weights, team: team)
      var plain = [Int8](repeating: 0, count: weights.count)
      trits.copyTrits(into: &plain)
      for strength in [0, 0.25, 1] as [Float] {
        var mixed = [Float](repeating: .nan, count: weights.count)
        mixTernary(
          weights, count: weights.count, scale: trits.scale, strength: strength, into: &mixed,
          team: team, instructionSet: set)
        let expected = zip(weights, plain).map {
          (1 - strength) * $0 + strength * (trits.scale * Float($1))
        }
        #expect(mixed == expected, "\(rows) × \(columns), \(strength)")
      }
    }
  }
}
