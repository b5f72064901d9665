import Kernels
import TestSupport
import Testing

struct TritCountsTests {
  @Test(arguments: InstructionSet.available)
  func `trits, changes and distances are counted as the rule says`(set: InstructionSet) {
    var random = SplitMix64(seed: 61)
    let scale: Float = 0.4
    for count in [1, 15, 16, 17, 100, 20_001] {
      // Thresholds, edges of bins, and what is not a number.
      var weights = random.floats(count)
      for (index, value) in [0.2, -0.2, 0.22, 0.4, 0, Float.nan].enumerated() where index < count {
        weights[index] = value
      }
      var previous = random.codes(count, in: -1...1)
      var expected = Expected()
      for (weight, before) in zip(weights, previous) {
        expected.add(ratio: weight / scale, before: before)
      }
      var counts = TritCounts()
      counts.add(
        weights, scale: scale, previous: &previous, count: count,
        team: ComputeTeam(threadCount: 3), instructionSet: set)
      #expect(counts.minus == expected.trits[0] && counts.zero == expected.trits[1])
      #expect(counts.plus == expected.trits[2] && counts.changed == expected.changed)
      #expect(counts.distances == expected.distances, "count \(count)")
      #expect(previous == expected.now)
    }
  }

  private struct Expected {
    var trits = [0, 0, 0]
    var changed = 0
    var distances = [Int](repeating: 0, count: 10)
    var now: [Int8] = []

    mutating func add(ratio: Float, before: Int8) {
      let trit: Int8 = ratio > 0.5 ? 1 : ratio < -0.5 ? -1 : 0
      trits[Int(trit) + 1] += 1
      changed += trit == before ? 0 : 1
      now.append(trit)
      let bin = abs(abs(ratio) - 0.5) * 20
      distances[bin < 9 ? Int(bin) : 9] += 1
    }
  }
}
