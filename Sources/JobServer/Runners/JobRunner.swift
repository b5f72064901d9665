internal import ArtifactStore
internal import JobAPI
package import Jobs
package import WorkerPool

/// The seam: runs one attempt of one job, whatever its kind.
package struct JobRunner: Sendable {
  private var environment: JobEnvironment
  private let teams: ComputeTeams

  package init(environment: JobEnvironment, teams: ComputeTeams) {
    self.environment = environment
    self.teams = teams
  }

  /// - Returns: how the attempt ended.
  /// - Throws: `Problem` for what the submitter can mend.
  package func run(_ job: Job, _ running: RunningJob) throws -> JobOutcome {
    try teams.withTeam(of: job.slot) { team in
      var runner = self
      runner.environment.team = team
      return try runner.runWithTeam(job, running)
    }
  }

  private func runWithTeam(_ job: Job, _ running: RunningJob) throws -> JobOutcome {
    // The stored spec was read once already, so a failure here means another program version.
    let spec: JobSpec
    do {
      spec = try JobSpec.read(kind: job.kind, from: job.spec)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The stored spec cannot be read",
        detail: "\(error)")
    }
    let outcome: JobOutcome
    do {
      outcome = try run(spec, running)
    } catch {
      try? PipelineReporter(environment, running).writeFailure()
      throw error
    }
    if case .succeeded = outcome, let jobs = spec.pipeline {
      try PipelineReporter(environment, running).write(jobs, state: .succeeded)
    }
    if case .succeeded = outcome, let remote = environment.remote {
      running.report(Progress(fraction: 1, message: "copying to the remote"))
      do {
        _ = try remote.publish(environment.folder.relativePath(of: job.id))
      } catch {
        // The work is done and here; a retry only copies again what an attempt left.
        throw RetryableProblem(
          Problem(
            type: "urn:bitnet:problem:storage",
            title: "The files could not be copied to the remote",
            detail: "\(error)"))
      }
    }
    return outcome
  }

  private func run(_ spec: JobSpec, _ running: RunningJob) throws -> JobOutcome {
    switch spec {
    case .teacher(let spec): try TeacherRunner(environment, running).run(spec)
    case .collect(let spec): try CollectRunner(environment, running).run(spec)
    case .convert(let spec): try ConvertRunner(environment, running).run(spec)
    case .train(let spec): try TrainRunner(environment, running).run(spec)
    case .eval(let spec): try EvalRunner(environment, running).run(spec)
    case .dryrun(let spec): try DryRunRunner(environment, running).run(spec)
    case .export(let spec): try ExportRunner(environment, running).run(spec)
    }
  }
}
