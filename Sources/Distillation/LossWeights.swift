/// How the student's distribution is compared with the teacher's.
package enum Divergence: String, Codable, CaseIterable, Sendable {
  /// KL(teacher ‖ student): the student must cover what the teacher does.
  case forward
  /// KL(student ‖ teacher): the student must not go where the teacher does not.
  case reverse
  /// The Jensen–Shannon divergence: both against their mean.
  case jensenShannon = "jsd"
}

/// Distillation on Top-K + Other (RECIPE §4).
package struct DistillationLoss: Codable, Equatable, Sendable {
  /// Its weight in the total, 0 or more.
  package var weight: Float
  /// τ, above 0. Cells are formed at temperature 1 and softened afterwards.
  package var temperature: Float
  /// Multiplies the loss by τ², as Hinton et al. do, so that its gradient keeps its size.
  package var scalesByTemperatureSquared: Bool
  /// The direction of the comparison.
  package var divergence: Divergence

  enum CodingKeys: String, CodingKey {
    case weight, temperature, divergence
    case scalesByTemperatureSquared = "tau_squared"
  }

  /// The defaults are RECIPE's.
  package init(
    weight: Float = 1, temperature: Float = 1.3, scalesByTemperatureSquared: Bool = false,
    divergence: Divergence = .forward
  ) {
    self.weight = weight
    self.temperature = temperature
    self.scalesByTemperatureSquared = scalesByTemperatureSquared
    self.divergence = divergence
  }

  /// What the divergence is multiplied by before its weight.
  package var factor: Float { scalesByTemperatureSquared ? temperature * temperature : 1 }
}

/// The terms of the training loss: total = kd.weight · KD + ce · CE + format · format.
package struct LossWeights: Codable, Equatable, Sendable {
  /// Against the teacher's distribution; needs traces.
  package var kd: DistillationLoss
  /// The weight of −log p(target), mean over the target tokens.
  package var ce: Float
  /// The weight of −log p(target), mean over the structural target tokens.
  package var format: Float

  /// The defaults are those of distillation (RECIPE §5).
  package init(kd: DistillationLoss = DistillationLoss(), ce: Float = 0.25, format: Float = 0.2) {
    self.kd = kd
    self.ce = ce
    self.format = format
  }

  /// Cross-entropy alone: pre-training, and the direct ternary baseline.
  package static let crossEntropyOnly = LossWeights(
    kd: DistillationLoss(weight: 0), ce: 1, format: 0)
}
