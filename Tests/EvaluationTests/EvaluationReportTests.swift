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
