internal import CKernels

/// The constants of one optimizer step (Loshchilov and Hutter, arXiv:1711.05101).
package struct AdamWStep: Equatable, Sendable {
  /// Step length, already scheduled.
  package var learningRate: Float
  /// Decay of the first moment, in 0 ..< 1.
  package var beta1: Float
  /// Decay of the second moment, in 0 ..< 1.
  package var beta2: Float
  /// Added to the square root.
  package var epsilon: Float
  /// Decoupled decay: weights shrink by learningRate · weightDecay.
  package var weightDecay: Float
  /// The number of this step, 1 for the first: the moments' bias is corrected for it.
  package var number: Int
  /// Multiplies the gradient: clip factor over loss scale, 1 when neither acts.
  package var gradientScale: Float

  package init(
    learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.95, epsilon: Float = 1e-8,
    weightDecay: Float = 0.1, number: Int, gradientScale: Float = 1
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.number = number
    self.gradientScale = gradientScale
  }

  fileprivate var constants: adamw_step {
    adamw_step(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
      weight_decay: weightDecay,
      first_moment_correction: Float(1 / (1 - power(Double(beta1), number))),
      second_moment_correction: Float(1 / (1 - power(Double(beta2), number))),
      gradient_scale: gradientScale)
  }
}

/// One optimizer step in one pass over memory. All vectors are `[count]`; every instruction set and
/// thread count gives the same bits.
package func adamW(
  weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
  firstMoments: UnsafeMutablePointer<Float>, secondMoments: UnsafeMutablePointer<Float>,
  count: Int, step: AdamWStep, team: ComputeTeam, instructionSet: InstructionSet = .active
) {
  precondition(step.number >= 1, "steps are counted from 1")
  let kernel = instructionSet.choose(adamw_reference, adamw_avx2, adamw_avx512)
  var constants = step.constants
  withUnsafePointer(to: &constants) { constants in
    team.parallelRows(count, grain: 1024) { range in
      let first = range.lowerBound
      kernel(
        weights + first, gradients + first, firstMoments + first, secondMoments + first,
        range.count, constants)
    }
  }
}

/// As `adamW`, of one tensor.
///
/// - Returns: the sum of the new weights' magnitudes, with the bits of `sumOfMagnitudes`: taken while a
///   piece of them is in a cache, since the quantizer needs it next.
package func adamWWithMagnitudes(
  weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
  firstMoments: UnsafeMutablePointer<Float>, secondMoments: UnsafeMutablePointer<Float>,
  count: Int, step: AdamWStep, team: ComputeTeam, instructionSet: InstructionSet = .active
) -> Double {
  precondition(step.number >= 1, "steps are counted from 1")
  let kernel = instructionSet.choose(adamw_reference, adamw_avx2, adamw_avx512)
  let magnitudes = instructionSet.choose(
    sum_of_magnitudes_reference, sum_of_magnitudes_avx2, sum_of_magnitudes_avx512)
  var constants = step.constants
  return withUnsafePointer(to: &constants) { constants in
    sumOfBlocks(count: count, team: team) { block in
      let first = block.lowerBound
      kernel(
        weights + first, gradients + first, firstMoments + first, secondMoments + first,
        block.count, constants)
      return magnitudes(weights + first, block.count)
    }
  }
}

/// `base` to the `exponent` by squaring; libm's `pow` is not the same on every machine.
private func power(_ base: Double, _ exponent: Int) -> Double {
  var result = 1.0
  var square = base
  var rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest >>= 1
  }
  return result
}
