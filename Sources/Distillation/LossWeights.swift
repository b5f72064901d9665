/// How the student's distribution is compared with the teacher's.
package enum Divergence: String, Codable, CaseIterable, Sendable {
  /// KL(teacher ‖ student): the student must cover what the teacher does.
  case forward
  /// KL(student ‖ teacher): the student must not go where the teacher does not.
  case reverse
  /// The Jensen–Shannon divergence: both against their mean.
  case jensenShannon = "jsd"
}

/// Distillation on the teacher's distributions (RECIPE §4).
package struct DistillationLoss: Codable, Equatable, Sendable {
  /// Where the teacher's distributions come from.
  package enum Source: String, Codable, CaseIterable, Sendable {
    /// Top-K + Other, as collected.
    case traces
    /// The whole distribution of a teacher that runs beside the student.
    case dense
  }

  /// Its weight in the total, 0 or more.
  package var weight: Float
  /// τ, above 0. Cells are formed at temperature 1 and softened afterwards.
  package var temperature: Float
  /// Multiplies the loss by τ², as Hinton et al. do, so that its gradient keeps its size.
  package var scalesByTemperatureSquared: Bool
  /// The direction of the comparison.
  package var divergence: Divergence
  /// Where the teacher's distributions come from.
  package var source: Source

  enum CodingKeys: String, CodingKey {
    case weight, temperature, divergence, source
    case scalesByTemperatureSquared = "tau_squared"
  }

  /// The defaults are RECIPE's.
  package init(
    weight: Float = 1, temperature: Float = 1.3, scalesByTemperatureSquared: Bool = false,
    divergence: Divergence = .forward, source: Source = .traces
  ) {
    self.weight = weight
    self.temperature = temperature
    self.scalesByTemperatureSquared = scalesByTemperatureSquared
    self.divergence = divergence
    self.source = source
  }

  /// What the divergence is multiplied by before its weight.
  package var factor: Float { scalesByTemperatureSquared ? temperature * temperature : 1 }
}

/// Attention-relation distillation (RECIPE §6): its weight, and what is compared how.
package struct AttentionRelationTerm: Codable, Equatable, Sendable {
  /// γ, above 0; nil: balanced by `RelationBalance`.
  @OrNull package var weight: Float?
  /// What is compared how.
  package var options: AttentionRelationOptions

  /// - Parameters: as the properties.
  package init(weight: Float? = nil, options: AttentionRelationOptions = .init()) {
    self.weight = weight
    self.options = options
  }
}

/// The terms of the training loss: total = kd.weight · KD + ce · CE + format · format + γ · AD.
package struct LossWeights: Codable, Equatable, Sendable {
  /// Against the teacher's distribution; needs traces, or a teacher beside the student.
  package var kd: DistillationLoss
  /// The weight of −log p(target), mean over the target tokens.
  package var ce: Float
  /// The weight of −log p(target), mean over the structural target tokens.
  package var format: Float
  /// Against the teacher's attention; needs a teacher beside the student. nil: no such term.
  @OrNull package var ad: AttentionRelationTerm?

  /// The defaults are those of distillation (RECIPE §5).
  package init(
    kd: DistillationLoss = DistillationLoss(), ce: Float = 0.25, format: Float = 0.2,
    ad: AttentionRelationTerm? = nil
  ) {
    self.kd = kd
    self.ce = ce
    self.format = format
    self.ad = ad
  }

  /// Cross-entropy alone: pre-training, and the direct ternary baseline.
  package static let crossEntropyOnly = LossWeights(
    kd: DistillationLoss(weight: 0), ce: 1, format: 0)

  /// No term at all: what is left when the relations are measured alone.
  static let none = LossWeights(kd: DistillationLoss(weight: 0), ce: 0, format: 0)

  /// Whether KD is taken over a teacher that runs beside the student.
  package var hasDenseTeacher: Bool { kd.weight > 0 && kd.source == .dense }

  /// Whether a teacher must run beside the student.
  package var needsTeacher: Bool { hasDenseTeacher || ad != nil }

  /// Whether the data must hold a teacher's distributions.
  var readsTraces: Bool { kd.weight > 0 && kd.source == .traces }
}
