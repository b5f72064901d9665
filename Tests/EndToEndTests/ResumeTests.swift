import Foundation
import Jobs
import Testing

/// A small run whose every step is quick, with checkpoints often enough to be killed between them.
private let smallTraining: JSONValue = [
  "method": "direct",
  "model": [
    "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 2,
  ],
  "corpus": ["generator": "tool_calls", "count": 400, "seed": 3],
  "tokenizer": ["train": ["vocab_size": 300]], "sequence_length": 160, "batch_size": 4,
  "steps": 1500, "checkpoint": ["every_steps": 40], "log_every": 5, "precision": "fp32",
  "flip": ["enabled": true, "fraction": 0.5], "seed": 11,
]

@Suite(.serialized) struct ResumeTests {
  /// What an undisturbed run ends with.
  private func undisturbed() throws -> String {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let job = try daemon.finished(daemon.submit("train", name: "student", smallTraining))
    #expect(daemon.terminate() == 0)
    return try weights(job)
  }

  private func weights(_ job: JSONValue) throws -> String {
    try #require(
      job["result"]?["weights_sha256"]?.stringValue, "the job ended as \(job.text)")
  }

  @Test func `a run killed in every phase and one drained end with the undisturbed run's bits`()
    throws
  {
    let expected = try undisturbed()
    let folder = try TemporaryFolder()
    var daemon = try DaemonProcess(data: folder.data)
    let job = try daemon.submit("train", name: "student", smallTraining)
    // Queued or just claimed; then before, between and after checkpoints; then drained.
    daemon.kill()
    for step in [20, 130, 300, 450, 600] as [Int64] {
      daemon = try DaemonProcess(data: folder.data)
      let seen = try daemon.waitFor(job) { ($0["progress"]?["step"]?.intValue ?? 0) >= step }
      #expect(seen["state"]?.stringValue == "running", "killed at step \(step)")
      if step == 450 {
        #expect(daemon.terminate() == 0)
      } else {
        daemon.kill()
      }
    }
    daemon = try DaemonProcess(data: folder.data)
    let final = try daemon.finished(job)
    #expect(final["state"]?.stringValue == "succeeded")
    #expect(final["resumed_from"]?.stringValue?.contains("_step_") == true)
    #expect(try weights(final) == expected)
    #expect(daemon.terminate() == 0)
  }

  @Test func `a cancelled run goes on by retry and ends with the undisturbed run's bits`() throws {
    let expected = try undisturbed()
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let job = try daemon.submit("train", name: "student", smallTraining)
    _ = try daemon.waitFor(job) { ($0["progress"]?["step"]?.intValue ?? 0) >= 100 }
    #expect(try daemon.post("/v1/jobs/\(job)/cancel", [:]).status == 202)
    #expect(try daemon.finished(job)["state"]?.stringValue == "cancelled")
    #expect(try daemon.post("/v1/jobs/\(job)/cancel", [:]).status == 409)
    #expect(try daemon.post("/v1/jobs/\(job)/retry", [:]).status == 202)
    let final = try daemon.finished(job)
    #expect(final["state"]?.stringValue == "succeeded")
    #expect(try weights(final) == expected)
  }

  @Test func `acknowledged jobs, events and metrics outlive a kill`() throws {
    let folder = try TemporaryFolder()
    var daemon = try DaemonProcess(data: folder.data)
    let running = try daemon.submit("train", name: "student", smallTraining)
    let waiting = try (0..<20).map { try daemon.submit("train", name: "w\($0)", smallTraining) }
    _ = try daemon.waitFor(running) { ($0["progress"]?["step"]?.intValue ?? 0) >= 60 }
    let metrics = try daemon.get("/v1/jobs/\(running)/metrics?name=loss").json
    let logs = try daemon.lines("/v1/jobs/\(running)/logs")
    #expect(!logs.isEmpty)
    daemon.kill()
    daemon = try DaemonProcess(data: folder.data)
    for job in waiting { #expect(try daemon.get("/v1/jobs/\(job)").status == 200) }
    let seen = metrics["series"]?["loss"]?["value"]?.arrayValue ?? []
    #expect(!seen.isEmpty)
    let now =
      try daemon.get("/v1/jobs/\(running)/metrics?name=loss").json["series"]?["loss"]?["value"]?
      .arrayValue ?? []
    #expect(now.starts(with: seen))
    #expect(try daemon.lines("/v1/jobs/\(running)/logs").starts(with: logs))
    for job in waiting { _ = try daemon.post("/v1/jobs/\(job)/cancel", [:]) }
  }
}
