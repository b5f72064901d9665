package import ArtifactStore
internal import Checkpoints
internal import Foundation
internal import JobAPI
package import JobStore
package import Jobs
package import Kernels
package import WorkerPool

/// What every runner works with.
package struct JobEnvironment: Sendable {
  package let store: JobStore
  package let folder: DataFolder
  package let paths: ReadablePaths
  package let team: ComputeTeam
  /// Where finished jobs' files also go; nil keeps them in the data folder only.
  package let remote: (any ArtifactStore)?

  package init(
    store: JobStore, folder: DataFolder, paths: ReadablePaths, team: ComputeTeam,
    remote: (any ArtifactStore)? = nil
  ) {
    self.remote = remote
    self.store = store
    self.folder = folder
    self.paths = paths
    self.team = team
  }
}

/// The seam: runs one attempt of one job, whatever its kind.
package struct JobRunner: Sendable {
  private let environment: JobEnvironment

  package init(environment: JobEnvironment) {
    self.environment = environment
  }

  /// - Returns: how the attempt ended.
  /// - Throws: `Problem` for what the submitter can mend.
  package func run(_ job: Job, _ running: RunningJob) throws -> JobOutcome {
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
    case .train(let spec): try TrainRunner(environment, running).run(spec)
    case .eval(let spec): try EvalRunner(environment, running).run(spec)
    case .dryrun(let spec): try DryRunRunner(environment, running).run(spec)
    case .export(let spec): try ExportRunner(environment, running).run(spec)
    }
  }
}

extension JobEnvironment {
  /// The folder of the model that a reference names.
  func modelFolder(_ reference: ModelReference) throws -> URL {
    folder.url(try modelRecord(reference).path)
  }

  /// The model that a reference names.
  ///
  /// - Throws: `Problem` when there is none (yet).
  func modelRecord(_ reference: ModelReference) throws -> ModelRecord {
    do {
      return try store.model(reference: reference.text)
    } catch StoreError.notFound {
      throw Problem(
        type: "urn:bitnet:problem:not-found", title: "There is no such model",
        detail: "\(reference.text) names no model; a job has one once it succeeded")
    }
  }
}

extension Artifact {
  /// What `file`, under the data folder, is now; its name is the path below the job's folder.
  init(file: URL, in folder: DataFolder, name: String? = nil) throws {
    let bytes = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int64
    self.init(
      name: name ?? file.lastPathComponent, path: folder.relativePath(file), bytes: bytes ?? 0,
      sha256: try ChecksumList.digest(ofFile: file.path), mediaType: Self.mediaType(of: file),
      createdAt: .now())
  }

  private static func mediaType(of file: URL) -> String {
    switch file.pathExtension {
    case "json": "application/json"
    case "html": "text/html; charset=utf-8"
    case "svg": "image/svg+xml"
    case "parquet": "application/vnd.apache.parquet"
    default: "application/octet-stream"
    }
  }
}
