import Evaluation

/// A report with everything in it.
enum SampleReport {
  static var content: ReportContent {
    var content = ReportContent(title: "Tool calls <demo>", summary: summary)
    content.evaluation = evaluation
    content.dryRun = dryRun
    content.facts = [("Processor", "2 cores & AVX-512")]
    let curves = [("Teacher", 3.0), ("Direct", 4.0), ("Distilled", 3.5)].map(curve)
    content.plots = [.init(title: "Loss", unit: "nats a token", curves: curves)]
    return content
  }

  private static func curve(name: String, start: Double) -> ReportContent.Curve {
    let points = (0..<2000).map { step in
      (step: Double(step), value: start / (1 + Double(step) / 20) + 0.05)
    }
    return .init(name: name, points: points)
  }

  private static var summary: PipelineSummary {
    var summary = PipelineSummary(state: "succeeded")
    summary.startedAt = "2026-01-02T03:04:05.678Z"
    summary.finishedAt = "2026-01-02T03:10:15.678Z"
    summary.durationS = 370
    summary.jobs = ["train": "job_1", "eval": "job_2"]
    summary.include(evaluation)
    summary.include(dryRun)
    return summary
  }

  private static func model(_ exactMatch: Double, bits: Int?, bytes: Int) -> EvaluationReport.Model
  {
    var task = TaskScores()
    task.examples = 1000
    task.exactMatch = exactMatch
    task.jsonValidRate = 0.999
    var model = EvaluationReport.Model()
    model.parameters = 1_900_000
    model.activationBits = bits
    model.task = task
    model.heldOut.crossEntropy = 0.31
    model.heldOut.perplexity = 1.363
    model.heldOut.klToTeacher = bits == nil ? nil : 0.0123
    model.heldOut.sameTop = bits == nil ? nil : 0.981
    model.speed = SpeedFigures(prefillTokensPerS: 41_234, decodeTokensPerS: 2345.6)
    (model.weightBytes, model.embeddingBytes) = (bytes, 400_000)
    return model
  }

  private static var evaluation: EvaluationReport {
    var report = EvaluationReport()
    report.models = [
      "teacher": model(0.981, bits: nil, bytes: 7_000_000),
      "direct_a8": model(0.931, bits: 8, bytes: 450_000),
      "distilled_a8": model(0.965, bits: 8, bytes: 450_000),
      "distilled_a4": model(0.95, bits: 4, bytes: 450_000),
    ]
    report.samples = [
      .init(
        prompt: "Weather in <Rome>?", expected: #"{"city":"Rome"}"#,
        answers: ["teacher": #"{"city":"Rome"}"#, "distilled_a8": #"{"city":"Oslo"}"#])
    ]
    report.gates = [
      GateResult(
        gate: Gate(metric: "exact_match", op: .atLeast, bound: -0.03, relativeToTeacher: true),
        value: -0.016),
      GateResult(gate: Gate(metric: "qei", op: .atLeast, bound: 20), value: 8.2),
    ]
    report.measureEfficiency()
    return report
  }

  private static var dryRun: DryRunReport {
    var report = DryRunReport()
    report.model = "7b"
    report.parameters = 6_738_415_616
    (report.sequenceLength, report.batchSize, report.decodeTokens) = (512, 1, 16)
    report.predictedBytes = .init(
      packedWeights: 1_700_000_000, embeddings: 300_000_000, cache: 200_000_000, scratch: 50_000_000
    )
    report.measuredBytes = report.predictedBytes
    report.baselineRssBytes = 50_000_000
    report.peakRssBytes = 2_300_000_000
    report.a8.prefillTokensPerS = 30
    report.a8.nanCount = 0
    report.training = TrainingMemory.table(parameters: 6_738_415_616, activationBytes: 1 << 30)
    return report
  }
}
