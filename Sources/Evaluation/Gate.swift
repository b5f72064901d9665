/// A bound that a result must keep.
package struct Gate: Codable, Equatable, Sendable {
  /// How a figure is compared with the bound.
  package enum Comparison: String, Codable, CaseIterable, Sendable {
    case atLeast = ">="
    case above = ">"
    case atMost = "<="
    case below = "<"

    /// Whether `value` keeps `bound`.
    package func holds(_ value: Double, _ bound: Double) -> Bool {
      switch self {
      case .atLeast: value >= bound
      case .above: value > bound
      case .atMost: value <= bound
      case .below: value < bound
      }
    }
  }

  /// `MODEL.FIGURE` or `MODEL.TASK.FIGURE`, such as `distilled_a8.sst2.accuracy`; `qei` and
  /// `qei_speed` stand alone. Without a model the distilled student at A8 is meant.
  package var metric: String
  package var op: Comparison
  package var bound: Double
  /// Whether the bound is on the figure less the teacher's.
  package var relativeToTeacher: Bool
  /// Whether a miss fails the job.
  package var required: Bool

  package init(
    metric: String, op: Comparison, bound: Double, relativeToTeacher: Bool = false,
    required: Bool = false
  ) {
    self.metric = metric
    self.op = op
    self.bound = bound
    self.relativeToTeacher = relativeToTeacher
    self.required = required
  }

  /// What the gate says in words.
  package var name: String {
    let difference = relativeToTeacher ? " minus the teacher's" : ""
    return "\(metric)\(difference) \(op.rawValue) \(bound)"
  }
}

/// How a gate came out.
package struct GateResult: Codable, Equatable, Sendable {
  package var gate: Gate
  /// False also when the figure was not measured: a gate never passes unseen.
  package var passed: Bool
  /// The figure, or its distance to the teacher's where the bound is relative.
  @Measured package var value: Double?

  /// Compares `value` with the gate's bound.
  package init(gate: Gate, value: Double?) {
    self.gate = gate
    self.value = value
    passed = value.map { gate.op.holds($0, gate.bound) } ?? false
  }
}
