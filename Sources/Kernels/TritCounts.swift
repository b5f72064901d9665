internal import CKernels

/// How the trits of some latent weights are spread.
package struct TritCounts: Equatable, Sendable {
  /// Trits of -1.
  package private(set) var minus = 0
  /// Trits of 0.
  package private(set) var zero = 0
  /// Trits of 1.
  package private(set) var plus = 0
  /// Trits that differ from those before.
  package private(set) var changed = 0
  /// Weights by ||w / Δ| − 0.5|, the distance to the rounding threshold: bins of 0.05, the last
  /// holds the rest.
  package private(set) var distances = [Int](repeating: 0, count: Int(TRIT_DISTANCE_BINS))

  /// Nothing counted yet.
  package init() {}

  /// Counts `[count]` weights, and leaves their trits, -1, 0 or 1, in `previous` for the next time.
  ///
  /// - Parameter scale: Δ, above 0. - Parameter previous: `[count]`.
  package mutating func add(
    _ weights: UnsafePointer<Float>, scale: Float, previous: UnsafeMutablePointer<Int8>,
    count: Int, team: ComputeTeam, instructionSet: InstructionSet = .active
  ) {
    let census = instructionSet.choose(
      trit_census_reference, trit_census_avx2, trit_census_avx512)
    var parts = [trit_counts](repeating: trit_counts(), count: team.threadCount)
    parts.withUnsafeMutableBufferPointer { parts in
      team.parallel { worker in
        let part = worker.part(of: count, grain: 4096)
        census(
          weights + part.lowerBound, scale, previous + part.lowerBound, part.count,
          parts.baseAddress! + worker.index)
      }
    }
    for part in parts { add(part) }
  }

  private mutating func add(_ part: trit_counts) {
    minus += Int(part.minus)
    zero += Int(part.zero)
    plus += Int(part.plus)
    changed += Int(part.changed)
    withUnsafeBytes(of: part.distance_bins) { bytes in
      for (bin, count) in bytes.bindMemory(to: Int64.self).enumerated() {
        distances[bin] += Int(count)
      }
    }
  }
}
