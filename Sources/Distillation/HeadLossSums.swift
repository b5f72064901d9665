/// What the head loss adds up over the rows of a step.
///
/// Sums, not means, so that micro-batches add; `TermValues` divides by the targets of the step.
package struct HeadLossSums: Equatable, Sendable {
  /// Rows, each one target token.
  package var targets = 0
  /// Rows whose target is structural.
  package var structuralTargets = 0
  /// Rows that have room for a teacher's candidates but no usable one.
  package var invalidRows = 0
  /// Sum of the divergences, τ² included when the loss asks for it.
  package var kd = 0.0
  /// Sum of −log p(target).
  package var ce = 0.0
  /// Sum of −log p(target) over the structural targets.
  package var format = 0.0
  /// Sum over rows of the squared norm of the unweighted term's gradient by the logits.
  package var kdGradientSquare = 0.0
  /// As `kdGradientSquare`, of the cross-entropy.
  package var ceGradientSquare = 0.0
  /// As `kdGradientSquare`, of the cross-entropy on structural targets.
  package var formatGradientSquare = 0.0

  /// Nothing yet.
  package init() {}

  /// Both together.
  package static func += (left: inout HeadLossSums, right: HeadLossSums) {
    left.targets += right.targets
    left.structuralTargets += right.structuralTargets
    left.invalidRows += right.invalidRows
    left.kd += right.kd
    left.ce += right.ce
    left.format += right.format
    left.kdGradientSquare += right.kdGradientSquare
    left.ceGradientSquare += right.ceGradientSquare
    left.formatGradientSquare += right.formatGradientSquare
  }
}

/// One number for each term of the loss.
package struct TermValues: Codable, Equatable, Sendable {
  /// Distillation; 0 without a teacher.
  package var kd: Double
  /// Cross-entropy.
  package var ce: Double
  /// Cross-entropy on structural targets; 0 when there are none.
  package var format: Double
  /// Attention relations, which the head does not see; 0 without a local teacher.
  package var ad = 0.0
}

extension TermValues {
  /// Reads `ad` as 0 where it is missing, as it was written before there was one.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    kd = try values.decode(Double.self, forKey: .kd)
    ce = try values.decode(Double.self, forKey: .ce)
    format = try values.decode(Double.self, forKey: .format)
    ad = try values.decodeIfPresent(Double.self, forKey: .ad) ?? 0
  }
}

extension HeadLossSums {
  /// Each term's mean: KD and CE over the target tokens, format over the structural ones.
  package var means: TermValues {
    TermValues(kd: kd / tokenDivisor, ce: ce / tokenDivisor, format: format / structuralDivisor)
  }

  /// Each term's share of the total.
  package func weighted(by weights: LossWeights) -> TermValues {
    TermValues(
      kd: Double(weights.kd.weight) * means.kd, ce: Double(weights.ce) * means.ce,
      format: Double(weights.format) * means.format)
  }

  /// The training loss.
  package func total(_ weights: LossWeights) -> Double {
    let terms = weighted(by: weights)
    return terms.kd + terms.ce + terms.format
  }

  /// The norm of each weighted term's gradient by the logits of the step.
  ///
  /// Taken at the logits, where all terms meet and where the loss pass has the numbers at hand; at
  /// the parameters it would take a backward pass for each term.
  package func gradientNorms(_ weights: LossWeights) -> TermValues {
    TermValues(
      kd: Double(weights.kd.weight) * kdGradientSquare.squareRoot() / tokenDivisor,
      ce: Double(weights.ce) * ceGradientSquare.squareRoot() / tokenDivisor,
      format: Double(weights.format) * formatGradientSquare.squareRoot() / structuralDivisor)
  }

  private var tokenDivisor: Double { Double(max(1, targets)) }
  private var structuralDivisor: Double { Double(max(1, structuralTargets)) }
}
