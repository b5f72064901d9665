import Foundation

/// How the learning rate goes over a run: a factor of the peak, by step.
package struct LearningRateSchedule: Codable, Equatable, Sendable {
  /// The shapes.
  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// Linear warm-up, then half a cosine down to the minimum.
    case cosine
    /// BitNet's: after the warm-up the rate falls linearly towards 0; at half time it drops to two
    /// thirds of what it would be, and weight decay ends. Source: Ma et al. 2024, "The Era of 1-bit
    /// LLMs: Training Tips, Code and FAQ" (their peaks differ by about this factor).
    case twoStage = "two_stage"
    /// Linear warm-up, then constant.
    case constant
  }

  /// The shape.
  package var kind: Kind
  /// Steps of linear warm-up, 0 for none.
  package var warmupSteps: Int
  /// What the rate does not fall below, as a share of the peak, 0 ... 1.
  package var minimumFraction: Double

  enum CodingKeys: String, CodingKey {
    case kind
    case warmupSteps = "warmup_steps"
    case minimumFraction = "minimum_fraction"
  }

  /// - Parameters: as the properties.
  package init(kind: Kind = .cosine, warmupSteps: Int = 0, minimumFraction: Double = 0.1) {
    self.kind = kind
    self.warmupSteps = warmupSteps
    self.minimumFraction = minimumFraction
  }

  /// The learning rate of a step as a share of the peak.
  ///
  /// - Parameters:
  ///   - step: counted from 0.
  ///   - steps: the run's length.
  package func factor(step: Int, of steps: Int) -> Double {
    if step < warmupSteps { return Double(step + 1) / Double(warmupSteps) }
    let progress = progress(step: step, of: steps)
    switch kind {
    case .constant: return 1
    case .cosine:
      return minimumFraction + (1 - minimumFraction) * 0.5 * (1 + cos(.pi * progress))
    case .twoStage:
      let stage = progress < 0.5 ? 1.0 : 2.0 / 3
      return max(minimumFraction, stage * (1 - progress))
    }
  }

  /// The weight decay of a step as a share of the optimizer's.
  package func weightDecayFactor(step: Int, of steps: Int) -> Double {
    kind == .twoStage && progress(step: step, of: steps) >= 0.5 ? 0 : 1
  }

  /// 0 after the warm-up ... 1 at the last step.
  private func progress(step: Int, of steps: Int) -> Double {
    let length = max(1, steps - 1 - warmupSteps)
    return min(1, max(0, Double(step - warmupSteps) / Double(length)))
  }
}
