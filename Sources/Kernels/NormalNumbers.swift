internal import CKernels

/// Fills `[count]` values with normal numbers of mean 0: a pure function of seed and index, whatever
/// the thread count.
///
/// - Parameter deviation: the standard deviation.
package func fillNormal(
  _ values: UnsafeMutablePointer<Float>, count: Int, deviation: Float, seed: UInt64,
  team: ComputeTeam
) {
  team.parallelRows(count, grain: 1024) { range in
    fill_normal(
      values + range.lowerBound, UInt64(range.lowerBound), range.count, deviation, seed)
  }
}
