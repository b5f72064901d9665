/// How much quality a model keeps for each byte that it needs, against its teacher.
///
/// QEI = (Q_s / Q_t) / (M_s / M_t), and QEI_speed = QEI · TPS_s / TPS_t. Everything in it was
/// measured; what was not leaves the index null.
///
/// Source: RECIPE.md §10.
package struct QualityEfficiency: Codable, Equatable, Sendable {
  @Measured package var qei: Double?
  @Measured package var qeiSpeed: Double?
  /// Which figure Q is; higher is better.
  @Measured package var qualityMetric: String?

  /// One side of the comparison.
  package struct Side: Equatable, Sendable {
    /// Q, in the unit of the quality metric.
    package var quality: Double?
    /// M, bytes of the weights as they are used.
    package var bytes: Int?
    /// Decoded tokens a second.
    package var tokensPerSecond: Double?

    package init(quality: Double?, bytes: Int?, tokensPerSecond: Double?) {
      self.quality = quality
      self.bytes = bytes
      self.tokensPerSecond = tokensPerSecond
    }
  }

  /// Nothing measured yet.
  package init() {}

  /// The indices of `student` against `teacher`.
  package init(qualityMetric: String, student: Side, teacher: Side) {
    self.qualityMetric = qualityMetric
    let bytes = (student.bytes.map(Double.init), teacher.bytes.map(Double.init))
    guard let quality = Self.ratio(student.quality, teacher.quality),
      let size = Self.ratio(bytes.0, bytes.1), size > 0
    else { return }
    qei = quality / size
    if let speed = Self.ratio(student.tokensPerSecond, teacher.tokensPerSecond) {
      qeiSpeed = quality / size * speed
    }
  }

  private static func ratio(_ student: Double?, _ teacher: Double?) -> Double? {
    guard let student, let teacher, teacher > 0 else { return nil }
    return student / teacher
  }
}
