/// Held-out metrics, tasks and gates (RECIPE 10).
package struct EvalSpec: Equatable, Sendable {
  package var models: EvalModels
  /// Nil judges on the traces alone.
  package var corpus: CorpusSource?
  package var traces: TraceReference?
  /// Examples of the corpus at most.
  package var maxExamples: Int = 500
  /// Empty: those that the corpus offers.
  package var tasks: [EvalTask] = []
  package var gates: [GateSpec] = []
  /// Tokens of a generated answer at most.
  package var generateMaxTokens: Int = 128
  /// Set on the last job of a pipeline, which sums it up.
  package var pipeline: PipelineJobs?

  /// An evaluation with the defaults.
  package init(models: EvalModels) {
    self.models = models
  }

  static let table = FieldTable(
    "EvalSpec", "Held-out metrics, tasks and gates.",
    initial: EvalSpec(models: EvalModels(student: .unread)),
    check: { spec, pointer in
      spec.corpus == nil && spec.traces == nil
        ? [pointer.fault("one of \"corpus\", \"traces\" is required")] : []
    },
    fields: [
      .required("models", \.models, EvalModels.table.shape, "Who is judged, and by whom."),
      .optional("corpus", \.corpus, .corpus(part: .test), "Held-out text."),
      .optional("traces", \.traces, .traceReference, "Held-out traces of the teacher."),
      .field(
        "max_examples", \.maxExamples, .integer(1...1_000_000),
        "Examples of the corpus at most."),
      .field(
        "tasks", \.tasks, .array(of: .choice, 0...EvalTask.allCases.count),
        "Empty: those that the corpus offers."),
      .field(
        "gates", \.gates, .array(of: GateSpec.table.shape, 0...100),
        "Bounds that the report says pass or fail for."),
      .field(
        "generate_max_tokens", \.generateMaxTokens, .integer(1...65_536),
        "Tokens of a generated answer at most."),
      .optional(
        "pipeline", \.pipeline, PipelineJobs.table.shape,
        "On the last job of a pipeline: the jobs that it sums up."),
    ])
}

/// Who is judged, and by whom.
package struct EvalModels: Equatable, Sendable {
  package var student: ModelReference
  package var teacher: ModelReference?
  /// A student trained without the teacher, to compare with.
  package var direct: ModelReference?

  /// A student and, where there are, its teacher and its baseline.
  package init(
    student: ModelReference, teacher: ModelReference? = nil, direct: ModelReference? = nil
  ) {
    self.student = student
    self.teacher = teacher
    self.direct = direct
  }

  static let table = FieldTable(
    "EvalModels", "Who is judged, and by whom.", initial: EvalModels(student: .unread),
    fields: [
      .required("student", \.student, .modelReference, "The model that is judged."),
      .optional("teacher", \.teacher, .modelReference, "Whom it was to learn from."),
      .optional(
        "direct", \.direct, .modelReference, "A student trained without the teacher, to compare."),
    ])
}

/// What is asked besides the likelihood of held-out text.
package enum EvalTask: String, CaseIterable, Sendable {
  /// Whether the generated call is the expected one, and whether it parses.
  case toolCalls = "tool_calls"
  /// Only the likelihood.
  case text
}

/// One bound on one metric.
package struct GateSpec: Equatable, Sendable {
  package var metric: GateMetric
  /// At which activations of the student.
  package var activations: GateActivations = .a8
  package var comparison: GateComparison
  package var bound: Double
  /// Whether the value minus the teacher's is compared, instead of the value.
  package var relativeToTeacher: Bool = false
  /// Whether failing it fails the job.
  package var isRequired: Bool = true

  /// A required gate on the student at 8-bit activations.
  package init(metric: GateMetric, comparison: GateComparison, bound: Double) {
    self.metric = metric
    self.comparison = comparison
    self.bound = bound
  }

  static let table = FieldTable(
    "Gate", "One bound on one metric.",
    initial: GateSpec(metric: .exactMatch, comparison: .atLeast, bound: 0),
    fields: [
      .required("metric", \.metric, .choice, "What is bounded."),
      .field("activations", \.activations, .choice, "At which activations of the student."),
      .required("op", \.comparison, .choice, "How the value must stand to the bound."),
      .required("bound", \.bound, .number(-1e12...1e12), "The bound."),
      .field(
        "relative_to_teacher", \.relativeToTeacher, .boolean,
        "Compares the value minus the teacher's, instead of the value."),
      .field("required", \.isRequired, .boolean, "Whether failing it fails the job."),
    ])
}

/// What a gate can bound.
package enum GateMetric: String, CaseIterable, Sendable {
  case exactMatch = "exact_match"
  case jsonValidRate = "json_valid_rate"
  case crossEntropy = "cross_entropy"
  case perplexity
  case perplexityRatio = "perplexity_ratio"
  case klToTeacher = "kl_to_teacher"
  case sameTop = "same_top"
  case qei
  case qeiSpeed = "qei_speed"
}

/// The activations of a ternary student.
package enum GateActivations: String, CaseIterable, Sendable {
  case a8, a4
}

/// How a value must stand to a bound.
package enum GateComparison: String, CaseIterable, Sendable {
  case atLeast = ">="
  case atMost = "<="
  case above = ">"
  case below = "<"
}
