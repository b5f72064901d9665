package import Kernels
package import Transformer

/// AdamW's moments, in the order of the parameters.
package final class OptimizerState {
  /// The running mean of the gradient.
  package let firstMoments: AlignedBuffer<Float>
  /// The running mean of the squared gradient.
  package let secondMoments: AlignedBuffer<Float>
  private let layout: ParameterLayout

  /// Zero moments.
  package init(layout: ParameterLayout) {
    self.layout = layout
    firstMoments = AlignedBuffer(count: layout.count)
    secondMoments = AlignedBuffer(count: layout.count)
  }

  /// Updates the parameters.
  ///
  /// - Parameters:
  ///   - step: its `weightDecay` applies to what `decay` says; the rest does not decay.
  ///   - exception: a tensor that is left alone; `update(_:rows:of:...)` is for it.
  /// - Returns: the sums of the new magnitudes of ternary tensors, by their places in the layout.
  package func update(
    _ parameters: Parameters, gradients: Parameters, step: AdamWStep,
    decay: TrainingRecipe.Optimizer.Decay, except exception: ParameterView? = nil,
    team: ComputeTeam
  ) -> [Int: Double] {
    var magnitudes: [Int: Double] = [:]
    for (index, view) in layout.views.enumerated() where view != exception {
      var step = step
      if decay == .matrices, !view.isMatrix { step.weightDecay = 0 }
      let first = view.offset
      let (weights, gradients) = (parameters.values + first, gradients.values + first)
      let (mean, variance) = (firstMoments.pointer + first, secondMoments.pointer + first)
      if view.isTernary {
        magnitudes[index] = adamWWithMagnitudes(
          weights: weights, gradients: gradients, firstMoments: mean, secondMoments: variance,
          count: view.count, step: step, team: team)
      } else {
        adamW(
          weights: weights, gradients: gradients, firstMoments: mean, secondMoments: variance,
          count: view.count, step: step, team: team)
      }
    }
    return magnitudes
  }

  /// Updates some neighbouring rows of a matrix, which decays.
  ///
  /// - Parameters:
  ///   - rows: of `view`. - gradients: theirs alone.
  package func update(
    _ parameters: Parameters, rows: Range<Int>, of view: ParameterView,
    gradients: UnsafePointer<Float>, step: AdamWStep, team: ComputeTeam
  ) {
    let width = view.shape[1]
    let first = view.offset + rows.lowerBound * width
    adamW(
      weights: parameters.values + first, gradients: gradients,
      firstMoments: firstMoments.pointer + first, secondMoments: secondMoments.pointer + first,
      count: rows.count * width, step: step, team: team)
  }
}
