internal import CKernels

/// Weights between full precision and ternary: (1 − λ) w + λ Δ · trit. The same bits for every thread
/// count and instruction set.
///
/// - Parameters:
///   - weights: `[count]`. - mixed: likewise, written.
///   - scale: Δ, as `TernaryWeights.scale` has it; a NaN makes all of `mixed` NaN.
///   - strength: λ, 0 ... 1: 0 gives the weights, 1 the ternary ones, bit for bit.
package func mixTernary(
  _ weights: UnsafePointer<Float>, count: Int, scale: Float, strength: Float,
  into mixed: UnsafeMutablePointer<Float>, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  let kernel = instructionSet.choose(mix_ternary_reference, mix_ternary_avx2, mix_ternary_avx512)
  team.parallelRows(count, grain: 4096) { range in
    kernel(
      weights + range.lowerBound, range.count, scale, strength, mixed + range.lowerBound)
  }
}
