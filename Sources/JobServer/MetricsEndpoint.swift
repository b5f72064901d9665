internal import Foundation
internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

// `GET /metrics` in Prometheus' text format. Labels have few values: kinds, states, operations,
// statuses; never ids, of which there is no end.
extension APIRoutes {
  /// `GET /metrics`
  func metrics() throws -> HTTPResponse {
    let store = services.store
    let host = services.hostFacts()
    var text = PrometheusText()
    text.add("bitnet_build_info", .gauge, "The daemon's version.") {
      [(["version": services.version], 1)]
    }
    text.add("bitnet_uptime_seconds", .gauge, "Since the daemon started.") {
      [([:], services.clock().seconds(since: services.startedAt))]
    }
    let counts = try store.jobCounts()
    text.add("bitnet_jobs", .gauge, "Jobs by kind and state.") {
      counts.map { count in
        (["kind": count.kind.rawValue, "state": count.state.rawValue], Double(count.count))
      }
    }
    let oldest = try store.oldestClaimable()
    text.add("bitnet_queue_oldest_seconds", .gauge, "How long the head of the queue has waited.") {
      [([:], oldest.map { max(0, services.clock().seconds(since: $0)) } ?? 0)]
    }
    text.add("bitnet_jobs_running", .gauge, "Jobs in the pool's hands.") {
      [([:], Double(services.runningJobs().count))]
    }
    text.add("bitnet_http_requests_total", .counter, "Answers by operation and status.") {
      traffic.totals.sorted {
        ($0.key.operation.rawValue, $0.key.status)
          < ($1.key.operation.rawValue, $1.key.status)
      }
      .map { label, count in
        (["operation": label.operation.rawValue, "status": "\(label.status)"], Double(count))
      }
    }
    text.add("bitnet_event_streams", .gauge, "Open event streams.") {
      [([:], Double(watchers.streamCount))]
    }
    text.add("bitnet_long_polls", .gauge, "Requests that wait for a job to change.") {
      [([:], Double(watchers.waiterCount))]
    }
    text.add("bitnet_memory_free_bytes", .gauge, "Memory that could be had.") {
      [([:], Double(host.memoryFreeBytes))]
    }
    text.add("bitnet_disk_free_bytes", .gauge, "Room in the data folder.") {
      host.diskFreeBytes.map { [([:], Double($0))] } ?? []
    }
    text.add("bitnet_resident_memory_bytes", .gauge, "Memory of this process.") {
      residentBytes().map { [([:], Double($0))] } ?? []
    }
    return .text(text.text, mediaType: "text/plain; version=0.0.4; charset=utf-8")
  }

  /// The process's resident memory; nil where there is no /proc.
  private func residentBytes() -> Int64? {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else {
      return nil
    }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int64($0) }
    return pages.map { $0 * Int64(sysconf(Int32(_SC_PAGESIZE))) }
  }
}

/// Samples in Prometheus' text format, version 0.0.4.
struct PrometheusText {
  enum Kind: String {
    case counter, gauge
  }

  /// What has been added so far.
  private(set) var text = ""

  /// Adds a family of samples; nothing when there are none.
  ///
  /// - Parameter samples: labels and values.
  mutating func add(
    _ name: String, _ kind: Kind, _ help: String,
    _ samples: () -> [(labels: [String: String], value: Double)]
  ) {
    let samples = samples()
    guard !samples.isEmpty else { return }
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    for sample in samples {
      let labels = sample.labels.sorted { $0.key < $1.key }
        .map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
      let value = sample.value
      let number = value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
      text += name + (labels.isEmpty ? "" : "{\(labels)}") + " \(number)\n"
    }
  }

  private static func escaped(_ value: String) -> String {
    value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
