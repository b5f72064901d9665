/// Where a figure would lie if other examples of the same kind had been drawn.
package struct ConfidenceInterval: Codable, Equatable, Sendable {
  package var lower: Double
  package var upper: Double
  /// Share of such intervals that hold the true figure, 0 to 1.
  package var level: Double

  /// The percentile bootstrap of `statistic`.
  ///
  /// The examples are drawn again, with repetition, as many as there are; between the percentiles
  /// of what the statistic gives lies the interval. The same seed gives the same bits.
  ///
  /// Source: Efron 1979, "Bootstrap methods: another look at the jackknife"; as used for texts by
  /// Koehn 2004, "Statistical significance tests for machine translation evaluation".
  ///
  /// - Parameters:
  ///   - count: examples.
  ///   - statistic: the figure of the examples at these places, which may repeat.
  /// - Returns: nil for fewer than two examples, which say nothing about spread.
  package init?(
    count: Int, level: Double = 0.95, resamples: Int = 1000, seed: UInt64 = 1,
    statistic: ([Int]) -> Double
  ) {
    guard count > 1, resamples > 1 else { return nil }
    var random = SplitMix64(state: seed)
    var places = [Int](repeating: 0, count: count)
    var figures: [Double] = []
    for _ in 0..<resamples {
      for index in places.indices { places[index] = random.number(below: count) }
      figures.append(statistic(places))
    }
    figures.sort()
    self.level = level
    lower = percentile(50 * (1 - level), of: figures)
    upper = percentile(50 * (1 + level), of: figures)
  }

  /// The interval of a mean, such as an accuracy (of zeros and ones).
  package init?(meanOf values: [Double], level: Double = 0.95, seed: UInt64 = 1) {
    self.init(count: values.count, level: level, seed: seed) { places in
      places.reduce(0) { $0 + values[$1] } / Double(places.count)
    }
  }
}

/// The value below which `percent` of `sorted` lie, between neighbours in proportion.
func percentile(_ percent: Double, of sorted: [Double]) -> Double {
  let place = percent / 100 * Double(sorted.count - 1)
  let below = Int(place)
  let above = min(below + 1, sorted.count - 1)
  return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
}

/// Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
private struct SplitMix64 {
  var state: UInt64

  mutating func number(below count: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    mixed ^= mixed >> 31
    return Int(mixed.multipliedFullWidth(by: UInt64(count)).high)
  }
}
