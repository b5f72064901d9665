internal import Evaluation
internal import Foundation
internal import Jobs
internal import WorkerPool

extension JobEnvironment {
  /// Writes `report.html` and `report.txt` of an evaluation that belongs to no pipeline.
  func writePage(of report: EvaluationReport, _ running: RunningJob) throws {
    var summary = PipelineSummary(
      state: (report.passed ? JobState.Name.succeeded : .failed).rawValue)
    let finished = Timestamp.now()
    summary.startedAt = running.job.startedAt?.rfc3339
    summary.finishedAt = finished.rfc3339
    summary.durationS = running.job.startedAt.map { finished.seconds(since: $0) }
    summary.jobs["eval"] = running.job.id.text
    summary.include(report)
    let name = running.job.name
    var content = ReportContent(title: name.isEmpty ? "Evaluation" : name, summary: summary)
    content.evaluation = report
    try writeFile(Data(ReportPage.html(content).utf8), "report.html", of: running)
    try writeFile(
      Data(TerminalReport.text(content, style: .plain).utf8), "report.txt", of: running)
  }
}
