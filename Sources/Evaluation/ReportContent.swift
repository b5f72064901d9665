/// Everything that a report shows; the page and the terminal draw from the same value.
package struct ReportContent: Sendable {
  /// The values of one metric over a job's steps.
  package struct Curve: Equatable, Sendable {
    package var name: String
    /// `(step, value)`, steps rising; values that are not finite leave a gap.
    package var points: [(step: Double, value: Double)]

    package init(name: String, points: [(step: Double, value: Double)]) {
      self.name = name
      self.points = points
    }

    package static func == (left: Self, right: Self) -> Bool {
      left.name == right.name && left.points.elementsEqual(right.points, by: ==)
    }
  }

  /// Curves that share their axes.
  package struct Plot: Sendable {
    package var title: String
    /// What the vertical axis counts, with its unit.
    package var unit: String
    package var curves: [Curve]

    package init(title: String, unit: String, curves: [Curve]) {
      self.title = title
      self.unit = unit
      self.curves = curves
    }
  }

  package var title: String
  package var summary: PipelineSummary
  package var evaluation: EvaluationReport?
  package var dryRun: DryRunReport?
  package var plots: [Plot] = []
  /// What was run where: versions, processor, threads, seeds.
  package var facts: [(name: String, value: String)] = []

  package init(title: String, summary: PipelineSummary) {
    self.title = title
    self.summary = summary
  }

  /// The compared models, in the order in which they are shown.
  var scores: [(name: String, scores: ModelScores)] {
    [
      ("Teacher", summary.scores.teacher), ("Direct ternary, A8", summary.scores.directA8),
      ("Distilled, A8", summary.scores.distilledA8),
      ("Distilled, A4", summary.scores.distilledA4),
    ]
  }

  /// Whether anything was judged by held-out text: tasks alone leave nothing to show there.
  var hasScores: Bool { scores.contains { $0.scores != ModelScores() } }

  /// A table of the report.
  struct Table: Equatable, Sendable {
    var title: String
    var header: [String]
    var rows: [[String]]
  }

  /// How far each model is from the teacher on held-out text, by llama.cpp's names.
  var comparison: Table? {
    guard let evaluation else { return nil }
    let rows = evaluation.orderedModels.compactMap { name, model -> [String]? in
      let scores = model.heldOut
      guard scores.klToTeacher != nil, name != EvaluationReport.teacher else { return nil }
      let ratio =
        FigureText.number(scores.perplexityRatio)
        + (scores.perplexityRatioStandardError.map { " ± \(FigureText.number($0))" } ?? "")
      return [
        name, ratio, FigureText.number(scores.klToTeacher), FigureText.number(scores.klMedian),
        FigureText.number(scores.klPercentile90), FigureText.number(scores.klPercentile95),
        FigureText.number(scores.klPercentile99), FigureText.number(scores.klMax),
        FigureText.percent(scores.meanProbabilityChange),
        FigureText.percent(scores.rmsProbabilityChange), FigureText.percent(scores.sameTop),
      ]
    }
    guard !rows.isEmpty else { return nil }
    return Table(
      title: "Compared with the teacher, position by position",
      header: [
        "Model", "PPL ratio", "Mean KL", "Median", "90 %", "95 %", "99 %", "Max", "Mean Δp",
        "RMS Δp", "Same top",
      ], rows: rows)
  }

  /// A table a task: every model's figures with their intervals, and what the model costs.
  var taskTables: [Table] {
    guard let evaluation else { return [] }
    var names: [String] = []
    for (_, model) in evaluation.models.sorted(by: { $0.key < $1.key }) {
      for task in model.tasks ?? [] where !names.contains(task.name) { names.append(task.name) }
    }
    return names.map { table(of: $0, evaluation) }
  }

  private func table(of task: String, _ evaluation: EvaluationReport) -> Table {
    let asked = evaluation.orderedModels.compactMap { name, model in
      model.task(task).map { (name: name, model: model, task: $0) }
    }
    let metrics = asked.first?.task.figures.map(\.metric) ?? []
    let rows = asked.map { name, model, report in
      let figures = metrics.map { metric in
        FigureText.figure(report.figures.first { $0.metric == metric })
      }
      return [name] + figures + [
        FigureText.speed(report.tokensPerSecond), FigureText.speed(model.speed.decodeTokensPerS),
        FigureText.bytes(model.modelBytes), FigureText.bytes(model.peakRssBytes),
      ]
    }
    let count = asked.first.map { "\($0.task.examples) examples" } ?? ""
    let cut = asked.first.map { $0.task.cutPrompts } ?? 0
    return Table(
      title: "\(task), \(count)" + (cut > 0 ? ", \(cut) of them cut" : ""),
      header: ["Model"] + metrics + ["Task", "Decode", "Weights", "Process peak"], rows: rows)
  }

  /// The columns of the table of scores.
  static let scoreColumns: [(name: String, text: @Sendable (ModelScores) -> String)] = [
    ("Exact match", { FigureText.percent($0.exactMatch) }),
    ("JSON valid", { FigureText.percent($0.jsonValidRate) }),
    ("Cross-entropy", { FigureText.number($0.crossEntropy) }),
    ("Perplexity", { FigureText.number($0.perplexity) }),
    ("KL to teacher", { FigureText.number($0.klToTeacher) }),
    ("Same top", { FigureText.percent($0.sameTop) }),
  ]

  /// Sizes, speeds and indices as lines of name and value.
  var figures: [(name: String, value: String)] {
    let (sizes, speed, qei) = (summary.sizesBytes, summary.speed, summary.qei)
    return [
      ("Teacher's weights", FigureText.bytes(sizes.teacher)),
      ("Student's weights, packed", FigureText.bytes(sizes.studentPacked)),
      ("Student's weights, in training", FigureText.bytes(sizes.studentLatent)),
      ("Teacher, prefill", FigureText.speed(speed.teacher.prefillTokensPerS)),
      ("Student, prefill", FigureText.speed(speed.student.prefillTokensPerS)),
      ("Teacher, decode", FigureText.speed(speed.teacher.decodeTokensPerS)),
      ("Student, decode", FigureText.speed(speed.student.decodeTokensPerS)),
      ("QEI by \(qei.qualityMetric ?? "quality")", FigureText.number(qei.qei)),
      ("QEI with speed", FigureText.number(qei.qeiSpeed)),
    ]
  }

  /// The dry run as lines of name and value.
  var dryRunFigures: [(name: String, value: String)] {
    let run = summary.dryrun
    return [
      ("Parameters", FigureText.count(run.parameters)),
      ("Memory, predicted", FigureText.bytes(run.predictedBytes)),
      ("Memory, measured peak", FigureText.bytes(run.peakRssBytes)),
      ("A8 prefill", FigureText.speed(run.prefillTokensPerS)),
      ("A8 decode", FigureText.speed(run.decodeTokensPerS)),
      ("A4 prefill", FigureText.speed(run.a4.prefillTokensPerS)),
      ("A4 decode", FigureText.speed(run.a4.decodeTokensPerS)),
    ]
  }
}
