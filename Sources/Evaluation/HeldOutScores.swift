/// How well a model predicts held-out text. Nats, per counted position; null where there was no
/// position, or no teacher to compare with.
package struct HeldOutScores: Codable, Equatable, Sendable {
  /// Positions that count.
  package var positions = 0
  /// Positions left out because a logit was not finite: anything but 0 is a broken model.
  package var notFinitePositions = 0
  /// Mean of −log p(token).
  @Measured package var crossEntropy: Double?
  @Measured package var crossEntropyStandardError: Double?
  /// e to the cross-entropy.
  @Measured package var perplexity: Double?
  @Measured package var perplexityStandardError: Double?
  /// Perplexity over the teacher's on the same positions.
  @Measured package var perplexityRatio: Double?
  @Measured package var perplexityRatioStandardError: Double?
  /// Mean of KL(teacher ‖ student) over the whole vocabulary.
  @Measured package var klToTeacher: Double?
  @Measured package var klStandardError: Double?
  @Measured package var klMedian: Double?
  @Measured package var klPercentile90: Double?
  @Measured package var klPercentile95: Double?
  @Measured package var klPercentile99: Double?
  @Measured package var klMax: Double?
  /// Mean of p_student(token) − p_teacher(token), "mean Δp".
  @Measured package var meanProbabilityChange: Double?
  /// Root of the mean square of the same, "RMS Δp".
  @Measured package var rmsProbabilityChange: Double?
  /// Share of positions where both find the same token most probable, 0 to 1.
  @Measured package var sameTop: Double?

  package init() {}
}
