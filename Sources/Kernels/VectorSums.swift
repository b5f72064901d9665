internal import CKernels

// Sums are taken over blocks of this many elements, and the blocks are added in order: the bits do
// not depend on the thread count.
private let blockCount = 1 << 14

/// Elements that a piece has a multiple of, so that `squaredNorm` piece by piece gives the bits of the
/// whole.
package let squaredNormGrain = blockCount

/// Sum of squares of `[count]` values in double, the same bits for every thread count.
///
/// - Parameter sum: of what comes before these values, when they are a piece of more.
package func squaredNorm(
  _ values: UnsafePointer<Float>, count: Int, after sum: Double = 0, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) -> Double {
  let kernel = instructionSet.choose(
    squared_norm_reference, squared_norm_avx2, squared_norm_avx512)
  return sumOfBlocks(values, count: count, after: sum, team: team) { kernel($0, $1) }
}

/// Sum of magnitudes of `[count]` values in double, the same bits for every thread count.
package func sumOfMagnitudes(
  _ values: UnsafePointer<Float>, count: Int, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) -> Double {
  let kernel = instructionSet.choose(
    sum_of_magnitudes_reference, sum_of_magnitudes_avx2, sum_of_magnitudes_avx512)
  return sumOfBlocks(values, count: count, team: team) { kernel($0, $1) }
}

/// Sum of the squares of what rounding `[count]` weights to trits times `scale` leaves over, in
/// double, the same bits for every thread count.
package func squaredRoundingError(
  _ weights: UnsafePointer<Float>, scale: Float, count: Int, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) -> Double {
  let kernel = instructionSet.choose(
    squared_rounding_error_reference, squared_rounding_error_avx2, squared_rounding_error_avx512)
  return sumOfBlocks(weights, count: count, team: team) { kernel($0, $1, scale) }
}

private func sumOfBlocks(
  _ values: UnsafePointer<Float>, count: Int, after sum: Double = 0, team: ComputeTeam,
  _ kernel: (UnsafePointer<Float>, Int) -> Double
) -> Double {
  sumOfBlocks(count: count, after: sum, team: team) { kernel(values + $0.lowerBound, $0.count) }
}

/// The sum over blocks of `0 ..< count` of what `body` says of each, in their order.
func sumOfBlocks(
  count: Int, after sum: Double = 0, team: ComputeTeam, _ body: (Range<Int>) -> Double
) -> Double {
  let blocks = (count + blockCount - 1) / blockCount
  return withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, blocks)) { sums in
    team.parallelRows(blocks) { range in
      for block in range {
        let first = block * blockCount
        sums[block] = body(first..<min(count, first + blockCount))
      }
    }
    return sums[..<blocks].reduce(sum, +)
  }
}
