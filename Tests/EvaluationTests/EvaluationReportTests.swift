import Evaluation
import Foundation
import Testing

struct EvaluationReportTests {
  private var report: EvaluationReport {
    var teacher = EvaluationReport.Model()
    var task = TaskScores()
    task.exactMatch = 0.98
    teacher.task = task
    teacher.heldOut.perplexity = 2
    (teacher.weightBytes, teacher.embeddingBytes) = (7_000_000, 1_000_000)
    teacher.speed = SpeedFigures(prefillTokensPerS: 4000, decodeTokensPerS: 100)
    var student = teacher
    task.exactMatch = 0.96
    student.task = task
    student.heldOut.perplexity = 2.5
    (student.weightBytes, student.embeddingBytes) = (500_000, 500_000)
    student.speed = SpeedFigures(prefillTokensPerS: 9000, decodeTokensPerS: 300)
    var report = EvaluationReport()
    report.models = ["teacher": teacher, "distilled_a8": student]
    return report
  }

  @Test func `efficiency is quality over memory, times speed`() throws {
    var report = report
    report.measureEfficiency()
    #expect(report.qei.qualityMetric == "exact_match")
    let expected: Double = 0.96 / 0.98 * 8
    #expect(abs((report.qei.qei ?? 0) - expected) < 1e-12)
    #expect(abs((report.qei.qeiSpeed ?? 0) - 3 * expected) < 1e-12)
  }

  @Test func `efficiency falls back to perplexity and never guesses`() throws {
    var report = report
    report.models["teacher"]?.task = nil
    report.models["teacher"]?.speed = SpeedFigures()
    report.measureEfficiency()
    #expect(report.qei.qualityMetric == "inverse_perplexity")
    #expect(abs((report.qei.qei ?? 0) - 6.4) < 1e-12)
    #expect(report.qei.qeiSpeed == nil)
    report.models["teacher"]?.weightBytes = nil
    report.measureEfficiency()
    #expect(report.qei.qei == nil)
  }

  @Test func `gates compare absolutely or with the teacher`() throws {
    var report = report
    report.measureEfficiency()
    try report.check([
      Gate(metric: "exact_match", op: .atLeast, bound: 0.9, required: true),
      Gate(metric: "distilled_a8.exact_match", op: .atLeast, bound: -0.03, relativeToTeacher: true),
      Gate(metric: "teacher.perplexity", op: .below, bound: 2),
      Gate(metric: "qei", op: .above, bound: 5),
      Gate(metric: "distilled_a4.exact_match", op: .atLeast, bound: 0),
    ])
    #expect(report.gates.map(\.passed) == [true, true, false, true, false])
    #expect(abs((report.gates[1].value ?? 0) + 0.02) < 1e-12)
    #expect(report.gates[4].value == nil)
    #expect(report.passed)
    try report.check([Gate(metric: "same_top", op: .atLeast, bound: 0.5, required: true)])
    #expect(!report.passed)
  }

  @Test func `a gate on nothing known is refused by name`() {
    for metric in ["beauty", "distilled_a8.beauty", "a.b.exact_match", ""] {
      #expect(throws: EvaluationError.unknownMetric(metric)) {
        var report = report
        try report.check([Gate(metric: metric, op: .atLeast, bound: 0)])
      }
    }
  }

  /// A model that was asked a task.
  private func asked(_ accuracy: Double) -> EvaluationReport.Model {
    var model = EvaluationReport.Model()
    model.tasks = [
      TaskReport(
        name: "sst2", examples: 200, examplesSha256: "a",
        figures: [
          .init(
            metric: "accuracy", value: accuracy,
            interval: ConfidenceInterval(
              meanOf: (0..<200).map { Double($0) < 200 * accuracy ? 1 : 0 })),
          .init(metric: "bleu", value: nil),
        ], cutPrompts: 3, unanswered: 0, tokens: 4000, seconds: 2, samples: [])
    ]
    return model
  }

  @Test func `gates reach a task's figures of any model`() throws {
    var report = EvaluationReport()
    report.models = ["teacher": asked(0.9), "distilled_a8": asked(0.85), "logits": asked(0.7)]
    try report.check([
      Gate(metric: "sst2.accuracy", op: .atLeast, bound: 0.8),
      Gate(
        metric: "distilled_a8.sst2.accuracy", op: .atLeast, bound: -0.04, relativeToTeacher: true),
      Gate(metric: "logits.sst2.accuracy", op: .atMost, bound: 0.75),
      Gate(metric: "sst2.bleu", op: .atLeast, bound: 0),
    ])
    #expect(report.gates.map(\.passed) == [true, false, true, false])
    #expect(report.gates[3].value == nil)
    report.measureEfficiency()
    #expect(report.qei.qualityMetric == "sst2.accuracy")
  }

  @Test func `gates on what no report will have are refused before anything runs`() throws {
    let (models, tasks) = (["teacher", "distilled_a8"], ["sst2": ["accuracy"]])
    func refused(_ metric: String) -> Bool {
      do throws(EvaluationError) {
        try EvaluationReport.require(
          [Gate(metric: metric, op: .atLeast, bound: 0)], models: models, tasks: tasks)
        return false
      } catch {
        return error == .unknownMetric(metric)
      }
    }
    for metric in ["sst2.accuracy", "teacher.sst2.accuracy", "perplexity", "qei"] {
      #expect(!refused(metric), "\(metric)")
    }
    for metric in ["sst2.f1", "mnli.accuracy", "direct_a8.sst2.accuracy", "logits.perplexity"] {
      #expect(refused(metric), "\(metric)")
    }
  }

  @Test func `each task has a table, with intervals and what was not measured`() {
    var report = EvaluationReport()
    report.models = ["logits": asked(0.7), "teacher": asked(0.9), "distilled_a8": asked(0.85)]
    var content = ReportContent(title: "t", summary: PipelineSummary(state: "succeeded"))
    content.evaluation = report
    let text = TerminalReport.text(content, style: .plain)
    #expect(text.contains("sst2, 200 examples, 3 of them cut"))
    let names = ["teacher", "logits", "distilled_a8"].compactMap { text.range(of: $0)?.lowerBound }
    #expect(names.count == 3 && names == names.sorted())
    let interval = /90\.0 % \((8\d\.\d)–(9\d\.\d)\)/
    #expect(text.contains(interval))
    #expect(ReportPage.html(content).contains(interval))
  }

  @Test func `a report reads back as it was written`() throws {
    var report = report
    report.measureEfficiency()
    try report.check([Gate(metric: "kl_to_teacher", op: .atMost, bound: 0.1)])
    report.samples = [.init(prompt: "p", expected: "e", answers: ["distilled_a8": "a"])]
    let data = try ReportJSON.encode(report)
    #expect(try ReportJSON.decode(EvaluationReport.self, from: data) == report)
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains(#""distilled_a8" : {"#))
    #expect(text.contains(#""kl_to_teacher" : null"#))
    #expect(text.contains(#""op" : "<=""#))
  }
}
