internal import Kernels
internal import Transformer

/// How the ternary weights stand (RECIPE §7, health signals).
package struct TritCensus: Codable, Equatable, Sendable {
  /// Share of −1 among all trits.
  package let minusShare: Double
  /// Share of 0.
  package let zeroShare: Double
  /// Share of +1.
  package let plusShare: Double
  /// Share of trits that differ from the census before; null at the first one of a process.
  @OrNull package var changedShare: Double?
  /// Shares of weights by ||w/Δ| − 0.5|, the distance to the rounding threshold: bins of 0.05, the
  /// last holds the rest.
  package let thresholdDistance: [Double]

  enum CodingKeys: String, CodingKey {
    case minusShare = "minus_share"
    case zeroShare = "zero_share"
    case plusShare = "plus_share"
    case changedShare = "changed_share"
    case thresholdDistance = "threshold_distance"
  }
}

/// Counts trits, and remembers them for the next count.
final class TritCounter {
  private let views: [ParameterView]
  private let team: ComputeTeam
  private var previous: AlignedBuffer<UInt8>?

  /// nil when the model has no ternary weights.
  init?(layout: ParameterLayout, team: ComputeTeam) {
    views = layout.views.filter(\.isTernary)
    self.team = team
    if views.isEmpty { return nil }
  }

  /// What a counter of this layout remembers.
  static func bytes(of layout: ParameterLayout) -> Int {
    bytes(of: layout.views.filter(\.isTernary))
  }

  private static func bytes(of views: [ParameterView]) -> Int {
    views.reduce(0) { $0 + TritCounts.previousBytes(count: $1.count) }
  }

  /// One pass over the latent weights.
  func census(of parameters: Parameters) -> TritCensus {
    let total = views.reduce(0) { $0 + $1.count }
    let isFirst = previous == nil
    let trits = previous ?? AlignedBuffer(count: Self.bytes(of: views))
    previous = trits
    var counts = TritCounts()
    var offset = 0
    for view in views {
      let weights = parameters.values + view.offset
      let mean = sumOfMagnitudes(weights, count: view.count, team: team) / Double(view.count)
      counts.add(
        weights, scale: max(Float(mean), 1e-5), previous: trits.pointer + offset,
        count: view.count, team: team)
      offset += TritCounts.previousBytes(count: view.count)
    }
    func share(_ count: Int) -> Double { Double(count) / Double(total) }
    return TritCensus(
      minusShare: share(counts.minus), zeroShare: share(counts.zero), plusShare: share(counts.plus),
      changedShare: isFirst ? nil : share(counts.changed),
      thresholdDistance: counts.distances.map(share))
  }
}
