package import Foundation
package import JobAPI
package import JobStore
package import Jobs
package import Logging

/// What the routes need of the rest of the daemon: values and closures that the roof fills in.
package struct ServerServices: Sendable {
  package var store: JobStore
  package var logger: Logger
  /// The daemon's version.
  package var version: String
  package var startedAt: Timestamp
  package var clock: @Sendable () -> Timestamp = { .now() }
  /// SHA-256 of the one bearer token; nil asks for none.
  package var tokenHash: Data?
  /// Names, beside the loopback ones, under which the daemon is asked for when it has no token.
  package var hostNames: Set<String> = []
  /// What the fields that a spec leaves out mean.
  package var defaults = SpecDefaults()
  /// Free bytes of the data folder below which the daemon is not ready.
  package var diskReserveBytes: Int64 = 256 << 20
  /// How long the head of the queue may wait while no job runs, before the daemon is not ready.
  package var queueStallSeconds: Double = 60
  /// Deeper checks of a spec at submission, with pointers from the spec's root.
  package var checkSpec: @Sendable (JobSpec) -> [FieldError] = { _ in [] }
  /// The machine, now.
  package var hostFacts: @Sendable () -> HostFacts
  /// Jobs in the pool's hands, now.
  package var runningJobs: @Sendable () -> [JobID] = { [] }
  /// Whether the pool takes jobs.
  package var isPoolRunning: @Sendable () -> Bool = { true }
  /// Absolute path of a file by its path below the artifact root; throws a `Problem`.
  package var artifactFile: @Sendable (String) throws -> String
  /// Deletes files and folders by their paths below the artifact root; what fails is logged.
  package var deleteFiles: @Sendable ([String]) -> Void = { _ in }
  /// Deletes everything that a job left, listed or not; what fails is logged.
  package var deleteFolder: @Sendable (JobID) -> Void = { _ in }
  /// Rows of one sequence: where it lies, the first position, how many; throws a `Problem`.
  package var traceRows: @Sendable (TraceRecord, TraceLocation, Int, Int) throws -> [TraceRow] = {
    _, _, _, _ in throw ProblemKind.notAvailable.problem("this daemon cannot read traces")
  }
  /// Takes over traces that another program wrote; throws a `Problem`.
  package var importTraces: @Sendable (TraceImport) throws -> TraceRecord = { _ in
    throw ProblemKind.notAvailable.problem("this daemon cannot import traces")
  }
  /// Makes a checkpoint directory known to the store; throws a `Problem`.
  package var importModel: @Sendable (ModelImport) throws -> ModelRecord = { _ in
    throw ProblemKind.notAvailable.problem("this daemon cannot import models")
  }
  /// Providers of hosted teachers, as far as they are known.
  package var teacherProviders: @Sendable () -> [TeacherProviderFacts] = { [] }
  /// Tries a hosted teacher; throws a `Problem`.
  package var probeTeacher: @Sendable (TeacherProbeRequest) throws -> TeacherProbeAnswer = { _ in
    throw ProblemKind.notAvailable.problem("this daemon cannot ask hosted teachers")
  }
  /// The models that answer requests; nil serves none.
  var servedModels: ServedModels?

  /// What there is no standing answer for; the rest are properties.
  package init(
    store: JobStore, logger: Logger, version: String, startedAt: Timestamp,
    hostFacts: @escaping @Sendable () -> HostFacts,
    artifactFile: @escaping @Sendable (String) throws -> String
  ) {
    self.store = store
    self.logger = logger
    self.version = version
    self.startedAt = startedAt
    self.hostFacts = hostFacts
    self.artifactFile = artifactFile
  }
}
