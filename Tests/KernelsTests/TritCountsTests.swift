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
      let earlier = random.floats(count)
      var expected = Expected()
      for (weight, before) in zip(weights, earlier) {
        expected.add(ratio: weight / scale, before: before / scale)
      }
      var previous = random.codes(TritCounts.previousBytes(count: count), in: 0...100).map {
        UInt8($0)
      }
      func counts(of weights: [Float]) -> TritCounts {
        var counts = TritCounts()
        counts.add(
          weights, scale: scale, previous: &previous, count: count,
          team: ComputeTeam(threadCount: 3), instructionSet: set)
        return counts
      }
      _ = counts(of: earlier)
      let now = counts(of: weights)
      #expect(now.minus == expected.trits[0] && now.zero == expected.trits[1])
      #expect(now.plus == expected.trits[2] && now.changed == expected.changed)
      #expect(now.distances == expected.distances, "count \(count)")
      #expect(counts(of: weights).changed == 0, "count \(count)")
    }
  }

  private struct Expected {
    var trits = [0, 0, 0]
    var changed = 0
    var distances = [Int](repeating: 0, count: 10)

    mutating func add(ratio: Float, before: Float) {
      func trit(_ ratio: Float) -> Int { ratio > 0.5 ? 1 : ratio < -0.5 ? -1 : 0 }
      trits[trit(ratio) + 1] += 1
      changed += trit(ratio) == trit(before) ? 0 : 1
      let bin = abs(abs(ratio) - 0.5) * 20
      distances[bin < 9 ? Int(bin) : 9] += 1
    }
  }
}
