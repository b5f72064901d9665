import JobAPI
import JobServer
import JobStore
import Jobs
import Synchronization
import Testing

struct RoutesHealthTests {
  @Test func `a daemon at rest is ready, and says so`() throws {
    let harness = try RoutesHarness()
    #expect(try harness.send("GET", "/livez").text == "ok\n")
    let answer = try harness.send("GET", "/readyz")
    #expect(answer.status == 200)
    #expect(
      try answer.json()["checks"] == [
        "database": "ok", "disk": "ok", "workers": "ok", "queue": "ok",
      ])
    let health = try harness.send("GET", "/v1/health").json()
    #expect(health["status"] == "ok")
    #expect(health["version"] == "1.2.3")
    #expect(health["jobs"]?["queued"] == 0)
    #expect(health["host"]?["gpu"] == .null)
  }

  @Test func `each failing check is named`() throws {
    func failure(_ configure: (inout ServerServices) -> Void) throws -> String? {
      let harness = try RoutesHarness(configure: configure)
      let answer = try harness.send("GET", "/readyz")
      #expect(answer.status == 503)
      #expect(try harness.send("GET", "/v1/health").json()["status"] == "degraded")
      return try answer.json()["detail"]?.stringValue
    }
    #expect(try failure { $0.isPoolRunning = { false } }?.hasPrefix("workers: ") == true)
    #expect(try failure { $0.diskReserveBytes = 1 << 50 }?.hasPrefix("disk: ") == true)
  }

  @Test func `a queue that does not move while nothing runs is a failure`() throws {
    let clock = Clock(at: .now())
    let harness = try RoutesHarness { $0.clock = { clock.time } }
    _ = try harness.submit()
    #expect(try harness.send("GET", "/readyz").status == 200)
    clock.advance(seconds: 3600)
    let answer = try harness.send("GET", "/readyz")
    #expect(answer.status == 503)
    #expect(try answer.json()["detail"]?.stringValue?.hasPrefix("queue: ") == true)
  }

  @Test func `a closed database is a failure, not a crash`() throws {
    let harness = try RoutesHarness()
    let id = try harness.submit()
    harness.store.close()
    #expect(try harness.send("GET", "/readyz").status == 503)
    #expect(try harness.send("GET", "/v1/jobs").status == 503)
    #expect(try harness.send("GET", "/v1/jobs/\(id)").status == 503)
    #expect(
      try harness.send("POST", "/v1/jobs", #"{"kind": "dryrun", "spec": {}}"#).status == 503)
    #expect(try harness.send("GET", "/livez").status == 200)
  }

  @Test func `metrics count answers and jobs, and never name a job`() throws {
    let harness = try RoutesHarness()
    let id = try harness.submit()
    _ = try harness.send("GET", "/v1/jobs/\(id)")
    let text = try harness.send("GET", "/metrics").text
    #expect(text.contains(#"bitnet_jobs{kind="dryrun",state="queued"} 1"#))
    #expect(text.contains(#"bitnet_http_requests_total{operation="showJob",status="200"} 1"#))
    #expect(text.contains(#"bitnet_build_info{version="1.2.3"} 1"#))
    #expect(!text.contains("job_"))
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.hasPrefix("bitnet_"))
    }
  }
}

/// A clock that only a test moves.
private final class Clock: Sendable {
  private let milliseconds: Mutex<Int64>

  init(at time: Timestamp) {
    milliseconds = Mutex(time.milliseconds)
  }

  var time: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }

  func advance(seconds: Int64) {
    milliseconds.withLock { $0 += seconds * 1000 }
  }
}
