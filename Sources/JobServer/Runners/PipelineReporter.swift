internal import Evaluation
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Kernels
internal import WorkerPool

/// Sums a pipeline up: `pipeline_summary.json`, `report.html` and `report.txt`.
struct PipelineReporter {
  static let evaluationFile = "mini_evaluation_report.json"
  static let dryRunFile = "dryrun_report.json"

  private let environment: JobEnvironment
  private let running: RunningJob

  /// - Parameter running: the job that writes, the last of the pipeline.
  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  /// When this job belongs to a pipeline, sums up how far it came: what waits for a job that failed
  /// will never run.
  func writeFailure() throws {
    guard let pipeline = running.job.tags["pipeline"] else { return }
    var filter = JobStore.JobFilter()
    filter.tag = JobStore.JobFilter.Tag(key: "pipeline", value: pipeline)
    for job in try environment.store.jobs(filter, limit: 100).jobs {
      guard let spec = try? JobSpec.read(kind: job.kind, from: job.spec), let jobs = spec.pipeline
      else { continue }
      return try write(jobs, state: .failed)
    }
  }

  /// Writes the three files from what the jobs left.
  ///
  /// - Parameter state: how the pipeline ended.
  func write(_ jobs: PipelineJobs, state: JobState.Name) throws {
    var summary = PipelineSummary(state: state.rawValue)
    var known: [(role: String, job: Job)] = []
    for (role, id) in jobs.byRole {
      summary.jobs[role] = id.text
      if let job = try? environment.store.job(id) { known.append((role, job)) }
    }
    let started = known.compactMap(\.job.startedAt).min()
    let finished = Timestamp.now()
    summary.startedAt = started?.rfc3339
    summary.finishedAt = finished.rfc3339
    summary.durationS = started.map { finished.seconds(since: $0) }
    summary.checklist = known.map { role, job in
      let isThis = job.id == running.job.id
      let isDone = isThis ? state == .succeeded : job.state.name == .succeeded
      return PipelineSummary.Check(name: "\(role) done", passed: isDone)
    }
    let evaluation: EvaluationReport? = try report(Self.evaluationFile, of: jobs.eval)
    let dryRun: DryRunReport? = try report(Self.dryRunFile, of: jobs.dryrun)
    if let evaluation { summary.include(evaluation) }
    if let dryRun { summary.include(dryRun) }

    var content = ReportContent(title: title, summary: summary)
    content.evaluation = evaluation
    content.dryRun = dryRun
    content.plots = try plots(known)
    content.facts = facts(known)
    try environment.writeFile(
      ReportJSON.encode(summary), "pipeline_summary.json", of: running)
    try environment.writeFile(
      Data(ReportPage.html(content).utf8), "report.html", of: running)
    try environment.writeFile(
      Data(TerminalReport.text(content, style: .plain).utf8), "report.txt", of: running)
  }

  private var title: String {
    // Pipelines name their jobs "NAME: STAGE".
    let name = running.job.name
    return name.range(of: ": ", options: .backwards).map { String(name[..<$0.lowerBound]) } ?? name
  }

  private func report<Report: Decodable>(_ name: String, of job: JobID?) throws -> Report? {
    guard let job else { return nil }
    let file = try environment.folder.folder(of: job).appendingPathComponent(name)
    guard let data = try? Data(contentsOf: file) else { return nil }
    return try ReportJSON.decode(Report.self, from: data)
  }

  // MARK: - Plots

  private func plots(_ jobs: [(role: String, job: Job)]) throws -> [ReportContent.Plot] {
    let training = jobs.filter { $0.job.kind == .train }
    func plot(_ title: String, _ unit: String, _ metric: String) throws -> ReportContent.Plot? {
      let curves = try training.compactMap { role, job -> ReportContent.Curve? in
        let series = try environment.store.metrics(of: job.id, names: [metric], pointsMax: 500)
        guard let series = series.first, !series.steps.isEmpty else { return nil }
        let points = zip(series.steps, series.values).compactMap { step, value in
          value.map { (step: Double(step), value: $0) }
        }
        return ReportContent.Curve(name: role, points: points)
      }
      return curves.isEmpty ? nil : ReportContent.Plot(title: title, unit: unit, curves: curves)
    }
    return try [
      plot("Cross-entropy in training", "nats per token", "loss_ce"),
      plot("Distillation loss", "nats per token", "loss_kd"),
      plot("Attention relations", "nats per row", "loss_ad"),
      plot("Gradient norm", "", "gradient_norm"),
      plot("Speed", "tokens per second", "tokens_per_s"),
    ].compactMap(\.self)
  }

  private func facts(_ jobs: [(role: String, job: Job)]) -> [(name: String, value: String)] {
    var facts = [
      ("Version", ServerVersion.current), ("Processor", HostReader.processorName),
      ("Instruction set", InstructionSet.active.rawValue),
      ("Compute threads", "\(environment.team.threadCount)"),
    ]
    for (role, job) in jobs {
      guard let start = job.startedAt else { continue }
      let end = job.finishedAt ?? .now()
      facts.append(("Time for \(role)", String(format: "%.1f s", end.seconds(since: start))))
    }
    return facts
  }
}

extension JobSpec {
  /// On the last job of a pipeline: the jobs that it sums up.
  var pipeline: PipelineJobs? {
    switch self {
    case .eval(let spec): spec.pipeline
    case .dryrun(let spec): spec.pipeline
    case .teacher, .collect, .convert, .train, .export: nil
    }
  }
}

extension PipelineJobs {
  /// The jobs that there are, in the order in which they run.
  var byRole: [(role: String, id: JobID)] {
    [
      ("base", base), ("fine_tuning", fineTuning), ("pretrain", pretrain), ("teacher", teacher),
      ("collect", collect),
      ("convert", convert), ("continued", continued), ("direct", direct), ("distill", distill),
      ("without_continued", withoutContinued), ("without_distillation", withoutDistillation),
      ("logits_only", logitsOnly), ("relations_only", relationsOnly), ("eval", eval),
      ("dryrun", dryrun),
    ].compactMap { role, id in id.map { (role, $0) } }
  }
}
