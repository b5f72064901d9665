/// Counts of values in equal cells.
package struct Histogram: Codable, Equatable, Sendable {
  /// The lower edge of the first cell.
  package let lowest: Double
  /// The upper edge of the last cell.
  package let highest: Double
  /// Values per cell; values outside count in the first or last one.
  package private(set) var counts: [Int]
  /// Sum of all values, for the mean.
  private var sum = 0.0

  /// Empty cells from `lowest` to `highest`.
  package init(_ range: ClosedRange<Double>, cellCount: Int) {
    lowest = range.lowerBound
    highest = range.upperBound
    counts = Array(repeating: 0, count: cellCount)
  }

  /// Number of values.
  package var total: Int { counts.reduce(0, +) }

  /// The mean of the values; nil when there is none.
  package var mean: Double? { total == 0 ? nil : sum / Double(total) }

  /// Counts one finite value.
  package mutating func add(_ value: Double) {
    let cell = (value - lowest) / (highest - lowest) * Double(counts.count)
    counts[min(max(0, Int(cell)), counts.count - 1)] += 1
    sum += value
  }

  /// The value below which `share` of the values lie, as far as the cells tell; nil when empty.
  package func quantile(_ share: Double) -> Double? {
    let wanted = share * Double(total)
    var below = 0.0
    for (cell, count) in counts.enumerated() where count > 0 {
      let next = below + Double(count)
      if next >= wanted {
        let position = Double(cell) + (wanted - below) / Double(count)
        return lowest + position * (highest - lowest) / Double(counts.count)
      }
      below = next
    }
    return nil
  }
}
