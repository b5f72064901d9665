/// The figures of one model that a summary shows: `S` of API.md.
package struct ModelScores: Codable, Equatable, Sendable {
  @Measured package var exactMatch: Double?
  @Measured package var jsonValidRate: Double?
  @Measured package var crossEntropy: Double?
  @Measured package var perplexity: Double?
  @Measured package var klToTeacher: Double?
  @Measured package var sameTop: Double?

  /// Nothing measured.
  package init() {}

  /// What was measured of a model on held-out text and on a task.
  package init(heldOut: HeldOutScores?, task: TaskScores?) {
    exactMatch = task?.exactMatch
    jsonValidRate = task?.jsonValidRate
    crossEntropy = heldOut?.crossEntropy
    perplexity = heldOut?.perplexity
    klToTeacher = heldOut?.klToTeacher
    sameTop = heldOut?.sameTop
  }
}

/// How fast a model runs. Tokens a second over all sequences of the batch.
package struct SpeedFigures: Codable, Equatable, Sendable {
  @Measured package var prefillTokensPerS: Double?
  @Measured package var decodeTokensPerS: Double?

  package init(prefillTokensPerS: Double? = nil, decodeTokensPerS: Double? = nil) {
    self.prefillTokensPerS = prefillTokensPerS
    self.decodeTokensPerS = decodeTokensPerS
  }
}
