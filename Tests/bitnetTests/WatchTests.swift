import HTTPServer
import Jobs
import Synchronization
import Testing

struct WatchTests {
  static let events: [(String, JSONValue)] = [
    ("state", ["state": "running", "attempt": 1]),
    ("log", ["level": "info", "message": "begun\u{1B}[2J"]),
    ("metric", ["series": ["loss": ["value": [2.5, 1.25]], "tokens_per_s": ["value": [12_345]]]]),
    (
      "progress",
      ["fraction": 0.5, "step": 50, "steps_total": 100, "eta_s": 80, "message": "training"]
    ),
    ("artifact", ["name": "model.safetensors"]),
    ("state", ["state": "succeeded", "attempt": 1]),
  ]

  /// A daemon that cuts the stream after each `piece` events.
  private func daemon(endingIn state: String, piece: Int = 100) throws -> FakeDaemon {
    let sent = SentCount()
    return try FakeDaemon([
      "GET /v1/jobs/job_1": { _ in
        let isOver = sent.value.withLock { $0 >= Self.events.count }
        return .json([
          "id": "job_1", "kind": "train", "state": isOver ? .string(state) : "running",
          "problem": state == "failed" ? ["title": "It broke", "detail": "NaN"] : .null,
        ])
      },
      "GET /v1/jobs/job_1/events": { request in
        let after = request.headers["last-event-id"].flatMap { Int($0) } ?? 0
        let end = min(after + piece, Self.events.count)
        sent.value.withLock { $0 = max($0, end) }
        return .events(Array(Self.events[..<end]), after: after)
      },
    ])
  }

  private final class SentCount: Sendable {
    let value = Mutex(0)
  }

  @Test func `a job is followed to its success`() throws {
    let run = try daemon(endingIn: "succeeded").run("watch", "job_1")
    #expect(run.status == 0)
    #expect(run.output == "job_1 succeeded\n")
    #expect(run.errors == "running\ninfo: begun\u{FFFD}[2J\nwrote model.safetensors\nsucceeded\n")
  }

  @Test func `a failed job gives its problem and exit status 1`() throws {
    let run = try daemon(endingIn: "failed").run("watch", "job_1")
    #expect(run.status == 1)
    #expect(run.output.contains("job_1 failed"))
    #expect(run.output.contains("It broke: NaN"))
  }

  @Test func `a stream that breaks off is taken up where it ended`() throws {
    let daemon = try daemon(endingIn: "succeeded", piece: 2)
    let run = try daemon.run("watch", "job_1", "--json")
    #expect(run.status == 0)
    let lines = try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    #expect(lines.compactMap { $0["seq"]?.intValue } == Array(1...6))
    #expect(lines.last?["state"] == "succeeded")
    let resumed = daemon.asked.filter { $0.line.hasSuffix("events") }
    #expect(resumed.compactMap { $0.headers["last-event-id"] } == ["0", "2", "4"])
  }

  @Test func `a terminal gets a bar with loss, speed and time left`() throws {
    let run = try daemon(endingIn: "succeeded").run("watch", "job_1", errors: .terminal)
    #expect(run.status == 0)
    let half = String(repeating: "█", count: 20) + String(repeating: "░", count: 20)
    let bar = "train \(half) 50%  50/100  loss 1.25  12.3k tokens/s  1m 20s left"
    #expect(run.errors.contains("\r\u{1B}[K\(bar)"), "\(run.errors.debugDescription)")
    let piped = try daemon(endingIn: "succeeded").run("watch", "job_1")
    #expect(!piped.errors.contains("\u{1B}"))
  }

  @Test func `submitting with --watch follows the new job`() throws {
    let daemon = try FakeDaemon([
      "POST /v1/jobs": { _ in .json(["id": "job_9"], status: 201) },
      "GET /v1/jobs/job_9": { _ in .json(["id": "job_9", "kind": "eval", "state": "cancelled"]) },
      "GET /v1/jobs/job_9/events": { _ in .events([("state", ["state": "cancelled"])]) },
    ])
    let run = try daemon.run("submit", "eval", "--watch")
    #expect(run.status == 1)
    #expect(run.output == "job_9\njob_9 cancelled\n")
  }

  @Test func `an unknown job is refused`() throws {
    let run = try FakeDaemon([:]).run("watch", "a/b")
    #expect(run.status == 4)
    #expect(run.errors.contains("/v1/jobs/a%2Fb"))
  }
}
