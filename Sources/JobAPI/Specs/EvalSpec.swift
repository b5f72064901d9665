package import Jobs

/// Held-out metrics, tasks and gates (RECIPE 10).
package struct EvalSpec: Equatable, Sendable {
  package var models: EvalModels
  /// Nil judges on the traces or the tasks alone.
  package var corpus: CorpusSource?
  package var traces: TraceReference?
  /// Examples of the corpus at most.
  package var maxExamples: Int = 500
  /// Empty: those that the corpus offers.
  package var tasks: [EvalTask] = []
  /// A teacher job over the same tasks: gates relative to the teacher compare with what it reached.
  package var baseline: JobID?
  package var gates: [GateSpec] = []
  /// Tokens of a generated answer at most.
  package var generateMaxTokens: Int = 128
  /// Set on the last job of a pipeline, which sums it up.
  package var pipeline: PipelineJobs?

  /// An evaluation with the defaults.
  package init(models: EvalModels) {
    self.models = models
  }

  /// The tasks that have files of their own.
  package var taskFiles: [TaskCorpus] {
    tasks.compactMap { if case .file(let corpus) = $0 { corpus } else { nil } }
  }

  static let table = FieldTable(
    "EvalSpec", "Held-out metrics, tasks and gates.",
    initial: EvalSpec(models: EvalModels(student: .unread)),
    check: { spec, pointer in
      spec.corpus == nil && spec.traces == nil && spec.taskFiles.isEmpty
        ? [pointer.fault("one of \"corpus\", \"traces\", or a task with a file is required")] : []
    },
    fields: [
      .required("models", \.models, EvalModels.table.shape, "Who is judged, and by whom."),
      .optional("corpus", \.corpus, .corpus(part: .test), "Held-out text."),
      .optional("traces", \.traces, .traceReference, "Held-out traces of the teacher."),
      .field(
        "max_examples", \.maxExamples, .integer(1...1_000_000),
        "Examples of the corpus at most."),
      .field(
        "tasks", \.tasks, .array(of: .evalTask, 0...100),
        "Tasks with their files, or what is asked about the corpus; empty: what it offers."),
      .optional(
        "baseline", \.baseline, .jobID,
        "A teacher job over the same tasks, whose figures the gates relative to the teacher take; "
          + "the teacher then need not be judged again."),
      .field(
        "gates", \.gates, .array(of: GateSpec.table.shape, 0...100),
        "Bounds that the report says pass or fail for."),
      .field(
        "generate_max_tokens", \.generateMaxTokens, .integer(1...65_536),
        "Tokens of a generated answer to the corpus at most."),
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
  /// Any others by the names under which the report shows them, ternary ones at A8.
  package var others: [String: ModelReference] = [:]

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
    check: { models, pointer in
      models.others.keys.sorted().compactMap { name in
        let place = pointer.member("others").member(name)
        if ["teacher", "direct_a8", "direct_a4", "distilled_a8", "distilled_a4"].contains(name) {
          return place.fault("the report has another model of this name")
        }
        return isName(name)
          ? nil : place.fault("the name must have 1 to 40 of a-z, 0-9 and _")
      }
    },
    fields: [
      .required("student", \.student, .modelReference, "The model that is judged."),
      .optional("teacher", \.teacher, .modelReference, "Whom it was to learn from."),
      .optional(
        "direct", \.direct, .modelReference, "A student trained without the teacher, to compare."),
      .field(
        "others", \.others, .dictionary(names: 1...40, values: .modelReference, atMost: 20),
        "Further models to compare, by the names under which the report shows them."),
    ])

  private static func isName(_ name: String) -> Bool {
    (1...40).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "_")
      }
  }
}

/// What is asked besides the likelihood of held-out text.
package enum EvalTask: Equatable, Sendable {
  /// Whether the corpus's completion is what a model writes, and whether that parses.
  case toolCalls
  /// Only the likelihood of the corpus.
  case text
  /// A task with a file of its own.
  case file(TaskCorpus)
}

extension Shape where Value == EvalTask {
  /// `"tool_calls"`, `"text"`, or a task with its file.
  package static var evalTask: Shape {
    let table = TaskCorpus.table(part: .test)
    let names: JSONValue = ["type": "string", "enum": ["tool_calls", "text"]]
    return Shape(
      read: { json, _, pointer, errors in
        switch json {
        case .string("tool_calls"): return .toolCalls
        case .string("text"): return .text
        case .object:
          return table.read(json, base: nil, at: pointer, errors: &errors).map { .file($0) }
        default:
          errors.append(
            pointer.fault(
              "must be \"tool_calls\", \"text\", or an object with \"task\" and \"path\""))
          return nil
        }
      },
      write: { task in
        switch task {
        case .toolCalls: "tool_calls"
        case .text: "text"
        case .file(let corpus): table.write(corpus)
        }
      }, schema: ["oneOf": [names, table.schema]])
  }
}

/// One bound on one metric.
package struct GateSpec: Equatable, Sendable {
  /// A name of `GateMetric`, `TASK.FIGURE` for the student's figure of a task, or `MODEL.METRIC`
  /// and `MODEL.TASK.FIGURE` for those of any model in the report.
  package var metric: String
  /// At which activations of the student.
  package var activations: GateActivations = .a8
  package var comparison: GateComparison
  package var bound: Double
  /// Whether the value minus the teacher's is compared, instead of the value.
  package var relativeToTeacher: Bool = false
  /// Whether failing it fails the job.
  package var isRequired: Bool = true

  /// A required gate on the student at 8-bit activations.
  package init(metric: String, comparison: GateComparison, bound: Double) {
    self.metric = metric
    self.comparison = comparison
    self.bound = bound
  }

  static let table = FieldTable(
    "Gate", "One bound on one metric.",
    initial: GateSpec(metric: GateMetric.exactMatch.rawValue, comparison: .atLeast, bound: 0),
    fields: [
      .required(
        "metric", \.metric, .gateMetric,
        "What is bounded: a metric of the student, TASK.FIGURE, MODEL.METRIC or "
          + "MODEL.TASK.FIGURE."),
      .field(
        "activations", \.activations, .choice,
        "At which activations of the student, where no model is named."),
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
  case schemaValidRate = "schema_valid_rate"
  case crossEntropy = "cross_entropy"
  case perplexity
  case perplexityRatio = "perplexity_ratio"
  case klToTeacher = "kl_to_teacher"
  case klMedian = "kl_median"
  case klPercentile90 = "kl_percentile90"
  case klPercentile95 = "kl_percentile95"
  case klPercentile99 = "kl_percentile99"
  case klMax = "kl_max"
  case sameTop = "same_top"
  case meanProbabilityChange = "mean_probability_change"
  case rmsProbabilityChange = "rms_probability_change"
  case prefillTokensPerSecond = "prefill_tokens_per_s"
  case decodeTokensPerSecond = "decode_tokens_per_s"
  case weightBytes = "weight_bytes"
  case peakRSSBytes = "peak_rss_bytes"
  case qei
  case qeiSpeed = "qei_speed"
}

extension Shape where Value == String {
  /// A metric's name, alone or behind a model's, a task's or both.
  fileprivate static var gateMetric: Shape {
    let metrics = GateMetric.allCases.map(\.rawValue)
    let list = metrics.map { "\"\($0)\"" }.joined(separator: ", ")
    let part = "[A-Za-z0-9_-]{1,64}"
    return Shape(
      "one of \(list), or MODEL.METRIC, TASK.FIGURE, MODEL.TASK.FIGURE",
      schema: [
        "anyOf": [
          ["enum": .array(metrics.map { .string($0) })],
          ["type": "string", "pattern": .string("^(\(part)\\.){1,2}\(part)$")],
        ]
      ],
      parse: { json in
        guard case .string(let text) = json else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let isPath =
          (2...3).contains(parts.count)
          && parts.allSatisfy { part in
            (1...64).contains(part.utf8.count)
              && part.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20)
                  || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                  || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
              }
          }
        return metrics.contains(text) || isPath ? text : nil
      }, write: { .string($0) })
  }
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
