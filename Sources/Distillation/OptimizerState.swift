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
  package func update(
    _ parameters: Parameters, gradients: Parameters, step: AdamWStep,
    decay: TrainingRecipe.Optimizer.Decay, team: ComputeTeam
  ) {
    for run in runs(decay: decay) {
      var step = step
      if !run.decays { step.weightDecay = 0 }
      let first = run.range.lowerBound
      adamW(
        weights: parameters.values + first, gradients: gradients.values + first,
        firstMoments: firstMoments.pointer + first, secondMoments: secondMoments.pointer + first,
        count: run.range.count, step: step, team: team)
    }
  }

  /// Neighbouring tensors that decay alike, as ranges of the region.
  private func runs(
    decay: TrainingRecipe.Optimizer.Decay
  ) -> [(range: Range<Int>, decays: Bool)] {
    var runs: [(range: Range<Int>, decays: Bool)] = []
    for view in layout.views {
      let decays = decay == .all || view.isMatrix
      let end = view.offset + view.count
      if let last = runs.last, last.decays == decays, last.range.upperBound <= view.offset {
        runs[runs.count - 1].range = last.range.lowerBound..<end
      } else {
        runs.append((view.offset..<end, decays))
      }
    }
    return runs
  }
}
