internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Synchronization

// How the daemon is.
extension APIRoutes {
  /// `GET /readyz`
  func ready() -> HTTPResponse {
    let state = Readiness(checks: readiness.checks())
    let failing = state.checks.first { $0.failure != nil }
    guard let failing, let failure = failing.failure else {
      return .json(Readiness.record.json(state))
    }
    return HTTPResponse(
      ProblemKind.notAvailable.problem("\(failing.name): \(failure)"), path: "/readyz")
  }

  /// `GET /v1/health`
  func health() throws -> HTTPResponse {
    let health = DaemonHealth(
      version: services.version,
      uptimeSeconds: services.clock().seconds(since: services.startedAt),
      checks: readiness.checks(), jobs: try jobsByState(), host: services.hostFacts())
    return .json(DaemonHealth.record.json(health))
  }

  private func jobsByState() throws(StoreError) -> [JobState.Name: Int64] {
    var jobs: [JobState.Name: Int64] = [:]
    for count in try services.store.jobCounts() {
      jobs[count.state, default: 0] += Int64(count.count)
    }
    return jobs
  }
}

/// Whether jobs can be taken and done: a real write, room on the disk, a pool that runs, a queue
/// that moves.
final class ReadinessCheck: Sendable {
  private struct Outcome {
    let time: Timestamp
    let checks: [DaemonHealth.Check]
  }

  private let services: ServerServices
  private let last = Mutex<Outcome?>(nil)

  init(services: ServerServices) {
    self.services = services
  }

  /// The checks. Probes come without a token and each costs a write, so one serves a second.
  func checks() -> [DaemonHealth.Check] {
    let now = services.clock()
    if let last = last.withLock({ $0 }), abs(now.seconds(since: last.time)) < 1 {
      return last.checks
    }
    let checks = [
      DaemonHealth.Check(name: "database", failure: databaseFailure()),
      DaemonHealth.Check(name: "disk", failure: diskFailure()),
      DaemonHealth.Check(
        name: "workers", failure: services.isPoolRunning() ? nil : "the worker pool is stopped"),
      DaemonHealth.Check(name: "queue", failure: queueFailure(at: now)),
    ]
    last.withLock { $0 = Outcome(time: now, checks: checks) }
    return checks
  }

  private func databaseFailure() -> String? {
    do throws(StoreError) {
      try services.store.probe()
      return nil
    } catch {
      return Problem(error as any Error).detail
    }
  }

  private func diskFailure() -> String? {
    guard let free = services.hostFacts().diskFreeBytes, free < services.diskReserveBytes else {
      return nil
    }
    return "\(free) bytes are free, \(services.diskReserveBytes) are kept in reserve"
  }

  /// A job that waits is no failure while others run; one that waits for nobody is.
  private func queueFailure(at now: Timestamp) -> String? {
    do throws(StoreError) {
      guard let since = try services.store.oldestClaimable(), services.runningJobs().isEmpty else {
        return nil
      }
      let seconds = now.seconds(since: since)
      guard seconds > services.queueStallSeconds else { return nil }
      return "a job has been ready for \(Int(seconds)) s and no job runs"
    } catch {
      return Problem(error as any Error).detail
    }
  }
}
