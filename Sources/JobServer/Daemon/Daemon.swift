// From a configuration to a running server, and back down.
//
// Up:    folder lock and database → recovery → worker pool → HTTP. The port opens last, so that
//        whoever reaches it finds everything working.
// Down:  pool drains (running jobs checkpoint and go back to the queue) → HTTP stops → database
//        closes.

internal import ArtifactStore
internal import Crypto
internal import Foundation
internal import HTTPServer
internal import Inference
internal import JobAPI
package import JobStore
internal import Jobs
internal import Kernels
package import Logging
internal import WorkerPool

/// Why the daemon cannot start or go on, with the exit status that says so (API, "The daemon's
/// command line").
package struct DaemonError: Error, CustomStringConvertible {
  package let description: String
  package let exitStatus: Int32

  static let unavailable: Int32 = 69
  static let inputOutput: Int32 = 74
  package static let configuration: Int32 = 78

  package init(_ description: String, exitStatus: Int32) {
    self.description = description
    self.exitStatus = exitStatus
  }

  /// What keeps a data folder from being used.
  package init(_ error: StoreError, folder: String) {
    switch error {
    case .folderInUse(let process):
      let who = process.map { "process \($0)" } ?? "another process"
      self.init("data folder \(folder) is in use by \(who)", exitStatus: Self.unavailable)
    case .newerDatabase(let found, let known):
      self.init(
        "the database in \(folder) has schema version \(found), this program knows \(known): "
          + "use the newer program", exitStatus: Self.configuration)
    case .foreignDatabase(let reason):
      self.init(
        "\(folder) holds a database of another program: \(reason)",
        exitStatus: Self.configuration)
    case .damaged(let reason):
      self.init(
        "the database in \(folder) is damaged (\(reason)): restore a backup",
        exitStatus: Self.inputOutput)
    case .diskFull:
      self.init("no space is left for \(folder)", exitStatus: Self.inputOutput)
    default:
      self.init("data folder \(folder) cannot be used: \(error)", exitStatus: Self.inputOutput)
    }
  }
}

/// A running server.
package final class Daemon: Sendable {
  /// `http://HOST:PORT`.
  package let url: String
  private let store: JobStore
  private let pool: WorkerPool
  private let servedModels: ServedModels?
  private let server: HTTPServer
  private let logger: Logger

  /// Starts everything.
  ///
  /// - Throws: `DaemonError`.
  package init(_ configuration: ServerConfiguration, logger: Logger) throws {
    do {
      try configuration.checkExposure()
    } catch {
      throw DaemonError("\(error)", exitStatus: DaemonError.configuration)
    }
    self.logger = logger
    StopSignal.listen()
    let team = Self.team(configuration)
    let folder = DataFolder(root: configuration.dataFolder)
    let store: JobStore
    do {
      store = try JobStore(folder: folder.root, boot: BootID.make(at: .now()))
    } catch {
      throw DaemonError(error, folder: folder.root)
    }
    self.store = store
    let environment = JobEnvironment(
      store: store, folder: folder,
      paths: ReadablePaths(base: folder.root, roots: configuration.corpusRoots), team: team,
      remote: try Self.remote(configuration, folder: folder))
    let runner = JobRunner(
      environment: environment,
      teams: ComputeTeams(
        common: team, jobs: configuration.computeJobs, sharing: configuration.computeSharing))
    pool = WorkerPool(
      store: store,
      configuration: WorkerPool.Configuration(slots: [.compute: configuration.computeJobs, .io: 4]),
      log: { Self.log($0, logger) },
      runner: { job, running in try runner.run(job, running) })
    do {
      try pool.start()
    } catch {
      throw DaemonError(error, folder: folder.root)
    }
    servedModels = Self.servedModels(configuration, environment, logger: logger)
    var services = Self.services(configuration, environment, pool: pool, logger: logger)
    services.servedModels = servedModels
    let routes = APIRoutes(services: services)
    do {
      server = try HTTPServer(
        configuration: Self.httpConfiguration(configuration), handler: routes.handle)
    } catch {
      pool.drain()
      store.close()
      throw DaemonError("\(error)", exitStatus: DaemonError.unavailable)
    }
    let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
    url = "http://\(host):\(server.port)"
    logger.info(
      "started",
      metadata: [
        "url": "\(url)", "data": "\(folder.root)", "threads": "\(team.threadCount)",
        "simd": "\(InstructionSet.active.rawValue)", "sqlite": "\(JobStore.libraryVersion)",
        "version": "\(ServerVersion.current)",
      ])
  }

  /// Waits for SIGTERM or SIGINT, then lets running jobs write a checkpoint and closes everything.
  package func runUntilSignalled() {
    StopSignal.wait()
    logger.info("draining", metadata: ["running": "\(pool.running.count)"])
    stop()
    logger.info("stopped")
  }

  /// Drains and closes.
  package func stop() {
    pool.drain()
    servedModels?.close()
    server.stop()
    store.close()
  }

  // MARK: - Parts

  /// The team of the whole process, as wide and with the instructions that the settings say.
  private static func team(_ configuration: ServerConfiguration) -> ComputeTeam {
    if configuration.instructionSet != "auto" {
      setenv("BITNET_SIMD", configuration.instructionSet, 1)
    }
    if configuration.products != "auto" { setenv("BITNET_PRODUCTS", configuration.products, 1) }
    if configuration.computeThreads > 0 {
      setenv("BITNET_THREADS", "\(configuration.computeThreads)", 1)
    } else {
      unsetenv("BITNET_THREADS")
    }
    setenv("BITNET_PIN", configuration.pinsThreads ? "1" : "0", 1)
    return .shared
  }

  private static func remote(
    _ configuration: ServerConfiguration, folder: DataFolder
  ) throws -> (any ArtifactStore)? {
    guard let remote = configuration.rcloneRemote else { return nil }
    do {
      return try RcloneArtifactStore(remote: remote, root: folder.root)
    } catch {
      throw DaemonError("RCLONE_REMOTE=\(remote): \(error)", exitStatus: DaemonError.configuration)
    }
  }

  private static func servedModels(
    _ configuration: ServerConfiguration, _ environment: JobEnvironment, logger: Logger
  ) -> ServedModels? {
    guard configuration.servedModels > 0 else { return nil }
    return ServedModels(
      environment: environment,
      limits: GenerationLimits(
        maximumSequences: configuration.servedSequences,
        maximumContext: configuration.servedContext, maximumQueue: configuration.servedQueue,
        cachePrecision: configuration.servedCache),
      embeddings: configuration.servedEmbeddings, residentMax: configuration.servedModels,
      logger: logger)
  }

  private static func httpConfiguration(
    _ configuration: ServerConfiguration
  ) -> HTTPServerConfiguration {
    var http = HTTPServerConfiguration(
      host: configuration.host == "localhost" ? "127.0.0.1" : configuration.host,
      port: configuration.port)
    http.threadCount = configuration.httpThreads
    http.bodyBytesMax = configuration.bodyLimitBytes
    http.connectionsMax = configuration.connectionLimit
    http.connectionsPerAddressMax = configuration.connectionLimit
    return http
  }

  private static func services(
    _ configuration: ServerConfiguration, _ environment: JobEnvironment, pool: WorkerPool,
    logger: Logger
  ) -> ServerServices {
    let folder = environment.folder
    let threads = environment.team.threadCount
    var services = ServerServices(
      store: environment.store, logger: logger, version: ServerVersion.current,
      startedAt: .now(),
      hostFacts: { HostReader.facts(dataFolder: folder.root, threads: threads) },
      artifactFile: { path in
        // What is not here any more may still be on the remote.
        try environment.remote?.localPath(of: path) ?? folder.url(path).path
      })
    services.tokenHash = configuration.apiToken.map { Data(SHA256.hash(data: Data($0.utf8))) }
    services.hostNames = [configuration.host]
    services.defaults = configuration.specDefaults
    services.checkSpec = { SpecCheck(environment: environment).errors(of: $0) }
    services.runningJobs = { pool.running }
    services.isPoolRunning = { pool.isOpen }
    let deleteFiles: @Sendable ([String]) -> Void = { paths in
      // What was imported from elsewhere is not ours to delete.
      for path in paths
      where !path.hasPrefix("/") && FileManager.default.fileExists(atPath: folder.url(path).path) {
        do {
          try FileManager.default.removeItem(at: folder.url(path))
        } catch {
          logger.warning("not deleted", metadata: ["path": "\(path)", "error": "\(error)"])
        }
      }
    }
    services.deleteFiles = deleteFiles
    services.deleteFolder = { deleteFiles([folder.relativePath(of: $0)]) }
    services.traceRows = { record, location, from, limit in
      try TraceLook(environment: environment).rows(record, location, from: from, limit: limit)
    }
    services.importTraces = { try TraceImporter(environment: environment).run($0) }
    services.importModel = { try ModelImporter(environment: environment).run($0) }
    let teachers = TeacherDesk(environment: ProcessInfo.processInfo.environment)
    services.teacherProviders = { teachers.providers }
    services.probeTeacher = { try teachers.probe($0) }
    return services
  }

  private static func log(_ event: WorkerPoolEvent, _ logger: Logger) {
    switch event {
    case .recovered(let jobs):
      if !jobs.isEmpty { logger.notice("recovered", metadata: ["jobs": "\(jobs.count)"]) }
    case .claimed(let job, let attempt):
      logger.info("job claimed", metadata: ["job": "\(job.text)", "attempt": "\(attempt)"])
    case .finished(let job, let attempt, let state):
      logger.info(
        "job ended",
        metadata: ["job": "\(job.text)", "attempt": "\(attempt)", "state": "\(state.rawValue)"])
    case .superseded(let job, let attempt):
      logger.warning(
        "attempt superseded", metadata: ["job": "\(job.text)", "attempt": "\(attempt)"])
    case .storeFailed(let error):
      logger.error("store failed", metadata: ["error": "\(error)"])
    case .outcomeNotWritten(let job, let attempt):
      logger.error(
        "outcome not written", metadata: ["job": "\(job.text)", "attempt": "\(attempt)"])
    }
  }
}
