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

  /// Bytes of the trits that are left for the next time.
  package static func previousBytes(count: Int) -> Int {
    (count + TRIT_CENSUS_BLOCK - 1) / TRIT_CENSUS_BLOCK * (TRIT_CENSUS_BLOCK / 4)
  }

  /// Counts `[count]` weights, and leaves their trits in `previous` for the next time.
  ///
  /// - Parameter scale: Δ, above 0.
  /// - Parameter previous: `previousBytes(count:)`, in the census's own packing; anything before the
  ///   first time, when `changed` means nothing.
  package mutating func add(
    _ weights: UnsafePointer<Float>, scale: Float, previous: UnsafeMutablePointer<UInt8>,
    count: Int, team: ComputeTeam, instructionSet: InstructionSet = .active
  ) {
    let census = instructionSet.choose(
      trit_census_reference, trit_census_avx2, trit_census_avx512)
    var parts = [trit_counts](repeating: trit_counts(), count: team.threadCount)
    parts.withUnsafeMutableBufferPointer { parts in
      team.parallel { worker in
        let part = worker.part(of: count, grain: TRIT_CENSUS_BLOCK)
        census(
          weights + part.lowerBound, scale, previous + part.lowerBound / 4, part.count,
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
