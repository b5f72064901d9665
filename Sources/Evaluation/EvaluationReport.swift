/// What `mini_evaluation_report.json` holds: models compared on one part of one corpus.
package struct EvaluationReport: Codable, Equatable, Sendable {
  /// Everything measured of one model at one width of activations.
  package struct Model: Codable, Equatable, Sendable {
    /// Where it came from: a job or a model id.
    @Measured package var source: String?
    @Measured package var parameters: Int?
    /// 8 or 4; null for a model in full precision.
    @Measured package var activationBits: Int?
    package var heldOut = HeldOutScores()
    @Measured package var task: TaskScores?
    /// In the order in which they were asked; null when none was.
    @Measured package var tasks: [TaskReport]?
    package var speed = SpeedFigures()
    /// Bytes of the weights as inference uses them, embeddings aside.
    @Measured package var weightBytes: Int?
    @Measured package var embeddingBytes: Int?
    /// Bytes of the cache of keys and values in the speed measurement.
    @Measured package var cacheBytes: Int?
    /// Most memory that the process had resident until the model's evaluation ended.
    @Measured package var peakRssBytes: Int?

    package init() {}

    /// Weights and embeddings, when both are known.
    package var modelBytes: Int? {
      guard let weightBytes, let embeddingBytes else { return nil }
      return weightBytes + embeddingBytes
    }

    /// The figures of a task; nil when the model was not asked.
    package func task(_ name: String) -> TaskReport? { tasks?.first { $0.name == name } }

    /// The figures that a summary shows.
    package var scores: ModelScores { ModelScores(heldOut: heldOut, task: task) }
  }

  /// One answer of each model, for people to read.
  package struct Sample: Codable, Equatable, Sendable {
    package var prompt: String
    package var expected: String
    /// Text by the model's name.
    package var answers: [String: String]

    package init(prompt: String, expected: String, answers: [String: String]) {
      self.prompt = prompt
      self.expected = expected
      self.answers = answers
    }
  }

  /// By name: `teacher`, `direct_a8`, `distilled_a8`, `distilled_a4`, and any others.
  package var models: [String: Model] = [:]
  /// What the teacher reached when its baseline was locked; null without one.
  @Measured package var baseline: [TaskReport]?
  package var qei = QualityEfficiency()
  package var gates: [GateResult] = []
  package var samples: [Sample] = []
  /// Texts of the part that were evaluated.
  package var examples = 0

  package init() {}

  /// False when a required gate was missed.
  package var passed: Bool { gates.allSatisfy { $0.passed || !$0.gate.required } }

  /// The model against which others are compared.
  package static let teacher = "teacher"
  /// The model that the comparison is about.
  package static let student = "distilled_a8"
  /// The names that always mean a model, there or not.
  package static let usualNames = [
    teacher, "direct_a8", "direct_a4", student, "distilled_a4",
  ]

  /// The models in the order in which they are shown: the teacher, the others, the student.
  var orderedModels: [(name: String, model: Model)] {
    func rank(_ name: String) -> Int {
      switch name {
      case Self.teacher: 0
      case "direct_a8": 1
      case "direct_a4": 2
      case Self.student: 4
      case "distilled_a4": 5
      default: 3
      }
    }
    return models.sorted { (rank($0.key), $0.key) < (rank($1.key), $1.key) }
      .map { (name: $0.key, model: $0.value) }
  }

  /// Sets `qei` from the student and the teacher, by the better figure that both have: the first of
  /// the first task, else the share of right answers, else the inverse of perplexity.
  package mutating func measureEfficiency() {
    guard let student = models[Self.student], let teacher = models[Self.teacher] else { return }
    func side(_ model: Model, _ quality: Double?) -> QualityEfficiency.Side {
      .init(
        quality: quality, bytes: model.modelBytes, tokensPerSecond: model.speed.decodeTokensPerS)
    }
    if let task = student.tasks?.first, let ours = task.figures.first,
      let theirs = teacher.task(task.name)?.value(of: ours.metric)
    {
      qei = QualityEfficiency(
        qualityMetric: "\(task.name).\(ours.metric)", student: side(student, ours.value),
        teacher: side(teacher, theirs))
    } else if let ours = student.task?.exactMatch, let theirs = teacher.task?.exactMatch {
      qei = QualityEfficiency(
        qualityMetric: "exact_match", student: side(student, ours), teacher: side(teacher, theirs))
    } else {
      qei = QualityEfficiency(
        qualityMetric: "inverse_perplexity",
        student: side(student, student.heldOut.perplexity.map { 1 / $0 }),
        teacher: side(teacher, teacher.heldOut.perplexity.map { 1 / $0 }))
    }
  }

  /// Sets `gates` to how `gates` come out.
  ///
  /// - Throws: `.unknownMetric` for a gate on a figure that does not exist. One that exists and was
  ///   not measured is a missed gate.
  package mutating func check(_ gates: [Gate]) throws(EvaluationError) {
    var results: [GateResult] = []
    for gate in gates {
      var value = try figure(gate.metric, of: nil)
      if gate.relativeToTeacher {
        let teacher = try teachersFigure(gate.metric)
        value = value.flatMap { ours in teacher.map { ours - $0 } }
      }
      results.append(GateResult(gate: gate, value: value))
    }
    self.gates = results
  }

  /// The figures that a gate can ask for.
  package static let gateFigures: [String] = figures.map(\.name)

  private static let figures: [(name: String, value: @Sendable (Model) -> Double?)] = [
    ("exact_match", { $0.task?.exactMatch }), ("json_valid_rate", { $0.task?.jsonValidRate }),
    ("schema_valid_rate", { $0.task?.schemaValidRate }),
    ("cross_entropy", { $0.heldOut.crossEntropy }), ("perplexity", { $0.heldOut.perplexity }),
    ("perplexity_ratio", { $0.heldOut.perplexityRatio }),
    ("kl_to_teacher", { $0.heldOut.klToTeacher }), ("kl_median", { $0.heldOut.klMedian }),
    ("kl_percentile90", { $0.heldOut.klPercentile90 }),
    ("kl_percentile95", { $0.heldOut.klPercentile95 }),
    ("kl_percentile99", { $0.heldOut.klPercentile99 }), ("kl_max", { $0.heldOut.klMax }),
    ("same_top", { $0.heldOut.sameTop }),
    ("mean_probability_change", { $0.heldOut.meanProbabilityChange }),
    ("rms_probability_change", { $0.heldOut.rmsProbabilityChange }),
    ("prefill_tokens_per_s", { $0.speed.prefillTokensPerS }),
    ("decode_tokens_per_s", { $0.speed.decodeTokensPerS }),
    ("weight_bytes", { $0.weightBytes.map(Double.init) }),
    ("peak_rss_bytes", { $0.peakRssBytes.map(Double.init) }),
  ]

  /// Refuses gates on figures that no report with these models and tasks can have.
  ///
  /// - Parameters:
  ///   - models: the names of those that will be in the report.
  ///   - tasks: the figures of each task, by its name.
  /// - Throws: `.unknownMetric`.
  package static func require(
    _ gates: [Gate], models: some Sequence<String>, tasks: [String: [String]]
  ) throws(EvaluationError) {
    for gate in gates where gate.metric != "qei" && gate.metric != "qei_speed" {
      let place = FigurePlace(gate.metric, models: Set(models))
      let known =
        place.task.map { tasks[$0] ?? [] } ?? figures.map(\.name)
      guard known.contains(place.figure), models.contains(place.model) else {
        throw .unknownMetric(gate.metric)
      }
    }
  }

  /// The teacher's figure: that of the locked baseline where it has the task.
  private func teachersFigure(_ metric: String) throws(EvaluationError) -> Double? {
    let place = FigurePlace(metric, models: Set(models.keys))
    if let task = place.task, let locked = baseline?.first(where: { $0.name == task }) {
      return locked.value(of: place.figure)
    }
    return try figure(metric, of: Self.teacher)
  }

  private func figure(_ metric: String, of other: String?) throws(EvaluationError) -> Double? {
    switch metric {
    // An index already has the teacher in it.
    case "qei": return other == nil ? qei.qei : 0
    case "qei_speed": return other == nil ? qei.qeiSpeed : 0
    default: break
    }
    let place = FigurePlace(metric, models: Set(models.keys))
    let model = models[other ?? place.model]
    if let task = place.task {
      guard models.values.contains(where: { $0.task(task) != nil }) else {
        throw .unknownMetric(metric)
      }
      return model?.task(task)?.value(of: place.figure)
    }
    guard let figure = Self.figures.first(where: { $0.name == place.figure }) else {
      throw .unknownMetric(metric)
    }
    return model.flatMap(figure.value)
  }
}

/// Where a figure stands: `FIGURE`, `MODEL.FIGURE`, `TASK.FIGURE` or `MODEL.TASK.FIGURE`; without a
/// model, the distilled student's at A8.
private struct FigurePlace {
  let model: String
  let task: String?
  let figure: String

  init(_ metric: String, models: Set<String>) {
    var parts = metric.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    figure = parts.removeLast()
    // A student that was not judged at four bits is no task's name, but a missed gate.
    let models = models.union(EvaluationReport.usualNames)
    let named = parts.first.map { parts.count > 1 || models.contains($0) } == true
    model = named ? parts.removeFirst() : EvaluationReport.student
    task = parts.isEmpty ? nil : parts.joined(separator: ".")
  }
}
