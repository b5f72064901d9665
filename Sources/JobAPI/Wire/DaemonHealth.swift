package import Jobs

/// What `GET /v1/health` tells.
package struct DaemonHealth: Equatable, Sendable {
  /// The result of one check.
  package struct Check: Equatable, Sendable {
    package var name: String
    /// What is wrong; nil when nothing is.
    package var failure: String?

    /// - Parameters: as the properties.
    package init(name: String, failure: String?) {
      self.name = name
      self.failure = failure
    }
  }

  package var version: String
  package var uptimeSeconds: Double
  package var checks: [Check]
  /// Jobs by state; every state is there.
  package var jobs: [JobState.Name: Int64]
  package var host: HostFacts

  /// - Parameters: as the properties.
  package init(
    version: String, uptimeSeconds: Double, checks: [Check], jobs: [JobState.Name: Int64],
    host: HostFacts
  ) {
    self.version = version
    self.uptimeSeconds = uptimeSeconds
    self.checks = checks
    self.jobs = jobs
    self.host = host
  }

  /// The answer's JSON and schema.
  package static let record = Record<DaemonHealth>(
    "Health", "The daemon, its jobs and its machine.",
    [
      Member("status", Wire.oneOf(["ok", "degraded"]), "degraded when a check fails.") {
        $0.checks.allSatisfy { $0.failure == nil } ? "ok" : "degraded"
      },
      Member("version", Wire.text, "The daemon's.") { .string($0.version) },
      Member("uptime_s", Wire.number, "Since it started.") { .double($0.uptimeSeconds) },
      Member("checks", Wire.textMap, "By name: ok, or what is wrong.") { $0.checks.json },
      Member(
        "jobs", ["type": "object", "additionalProperties": Wire.integer], "Their number by state."
      ) { health in
        .object(
          JSONObject(JobState.Name.allCases.map { ($0.rawValue, .int(health.jobs[$0] ?? 0)) }))
      },
      Member("host", HostFacts.record.schema, "The machine.") { HostFacts.record.json($0.host) },
    ])
}

/// What the daemon runs on.
package struct HostFacts: Equatable, Sendable {
  /// The processor's name.
  package var cpu: String
  /// The instruction set of the kernels.
  package var simd: String
  /// Compute threads.
  package var threads: Int
  package var memoryTotalBytes: Int64
  package var memoryFreeBytes: Int64
  /// Of the data folder's file system; nil when it does not say.
  package var diskFreeBytes: Int64?

  /// - Parameters: as the properties.
  package init(
    cpu: String, simd: String, threads: Int, memoryTotalBytes: Int64, memoryFreeBytes: Int64,
    diskFreeBytes: Int64?
  ) {
    self.cpu = cpu
    self.simd = simd
    self.threads = threads
    self.memoryTotalBytes = memoryTotalBytes
    self.memoryFreeBytes = memoryFreeBytes
    self.diskFreeBytes = diskFreeBytes
  }

  static let record = Record<HostFacts>(
    "Host", "The machine.",
    [
      Member("cpu", Wire.text, "The processor's name.") { .string($0.cpu) },
      Member("simd", Wire.text, "The instruction set of the kernels.") { .string($0.simd) },
      Member("threads", Wire.integer, "Compute threads.") { .int(Int64($0.threads)) },
      Member("memory_total_bytes", Wire.integer, "Of the machine.") { .int($0.memoryTotalBytes) },
      Member("memory_free_bytes", Wire.integer, "That could be had.") { .int($0.memoryFreeBytes) },
      Member("disk_free_bytes", Wire.integer.orNull, "In the data folder.") {
        $0.diskFreeBytes.json { .int($0) }
      },
      Member("gpu", Wire.object.orNull, "Null: this daemon computes on the processor.") { _ in
        .null
      },
    ])
}

/// What `GET /readyz` tells.
package struct Readiness: Equatable, Sendable {
  package var checks: [DaemonHealth.Check]

  /// - Parameter checks: in the order in which they were made.
  package init(checks: [DaemonHealth.Check]) {
    self.checks = checks
  }

  /// Whether every check passed.
  package var isReady: Bool { checks.allSatisfy { $0.failure == nil } }

  /// The answer's JSON and schema.
  package static let record = Record<Readiness>(
    "Readiness", "Whether jobs can be taken and done.",
    [
      Member("status", Wire.oneOf(["ready", "not ready"]), "Whether every check passed.") {
        $0.isReady ? "ready" : "not ready"
      },
      Member("checks", Wire.textMap, "By name: ok, or what is wrong.") { $0.checks.json },
    ])
}

extension [DaemonHealth.Check] {
  fileprivate var json: JSONValue {
    .object(JSONObject(map { ($0.name, .string($0.failure ?? "ok")) }))
  }
}
