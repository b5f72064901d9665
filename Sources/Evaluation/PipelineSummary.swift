/// What `pipeline_summary.json` holds, field by field as in API.md.
package struct PipelineSummary: Codable, Equatable, Sendable {
  /// Something that the pipeline promised.
  package struct Check: Codable, Equatable, Sendable {
    package var name: String
    package var passed: Bool
    @Measured package var value: Double?
    @Measured package var bound: Double?

    package init(name: String, passed: Bool, value: Double? = nil, bound: Double? = nil) {
      self.name = name
      self.passed = passed
      self.value = value
      self.bound = bound
    }
  }

  package struct Scores: Codable, Equatable, Sendable {
    package var teacher = ModelScores()
    package var directA8 = ModelScores()
    package var distilledA8 = ModelScores()
    package var distilledA4 = ModelScores()

    package init() {}
  }

  package struct Sizes: Codable, Equatable, Sendable {
    /// As inference uses it.
    @Measured package var teacher: Int?
    /// Trits, scales and embeddings.
    @Measured package var studentPacked: Int?
    /// The fp32 weights that training keeps.
    @Measured package var studentLatent: Int?

    package init() {}
  }

  package struct Speed: Codable, Equatable, Sendable {
    package var teacher = SpeedFigures()
    package var student = SpeedFigures()

    package init() {}
  }

  package struct DryRun: Codable, Equatable, Sendable {
    @Measured package var parameters: Int?
    @Measured package var predictedBytes: Int?
    @Measured package var peakRssBytes: Int?
    @Measured package var prefillTokensPerS: Double?
    @Measured package var decodeTokensPerS: Double?
    package var a4 = SpeedFigures()

    package init() {}
  }

  /// `succeeded`, `failed`, `cancelled` or `running`.
  package var state: String
  /// RFC 3339, UTC.
  @Measured package var startedAt: String?
  @Measured package var finishedAt: String?
  @Measured package var durationS: Double?
  /// Job ids by kind.
  package var jobs: [String: String] = [:]
  package var checklist: [Check] = []
  package var scores = Scores()
  package var sizesBytes = Sizes()
  package var speed = Speed()
  package var qei = QualityEfficiency()
  package var dryrun = DryRun()

  package init(state: String) { self.state = state }

  /// Takes over what an evaluation measured; its gates join the checklist.
  package mutating func include(_ report: EvaluationReport) {
    func scores(_ name: String) -> ModelScores { report.models[name]?.scores ?? ModelScores() }
    self.scores.teacher = scores(EvaluationReport.teacher)
    self.scores.directA8 = scores("direct_a8")
    self.scores.distilledA8 = scores(EvaluationReport.student)
    self.scores.distilledA4 = scores("distilled_a4")
    let (teacher, student) = (
      report.models[EvaluationReport.teacher], report.models[EvaluationReport.student]
    )
    sizesBytes.teacher = teacher?.modelBytes
    sizesBytes.studentPacked = student?.modelBytes
    sizesBytes.studentLatent = student?.parameters.map { 4 * $0 }
    speed.teacher = teacher?.speed ?? SpeedFigures()
    speed.student = student?.speed ?? SpeedFigures()
    qei = report.qei
    checklist += report.gates.map { result in
      Check(
        name: result.gate.name, passed: result.passed, value: result.value,
        bound: result.gate.bound)
    }
  }

  /// Takes over what a dry run measured.
  package mutating func include(_ report: DryRunReport) {
    dryrun.parameters = report.parameters
    dryrun.predictedBytes = report.predictedBytes.total.map { $0 + (report.baselineRssBytes ?? 0) }
    dryrun.peakRssBytes = report.peakRssBytes
    dryrun.prefillTokensPerS = report.a8.prefillTokensPerS
    dryrun.decodeTokensPerS = report.a8.decodeTokensPerS
    dryrun.a4 = SpeedFigures(
      prefillTokensPerS: report.a4.prefillTokensPerS, decodeTokensPerS: report.a4.decodeTokensPerS)
  }
}
