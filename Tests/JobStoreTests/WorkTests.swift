import JobStore
import Jobs
import Testing

struct WorkTests {
  let temporary: TemporaryStore
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryStore() }

  @Test func `the highest priority goes first, of equal ones the oldest`() throws {
    let low = try temporary.submit(priority: -1)
    let first = try temporary.submit()
    let second = try temporary.submit()
    let high = try temporary.submit(priority: 5)
    #expect(
      try (0..<5).map { _ in try store.claimNext(.compute)?.id } == [high, first, second, low, nil])
  }

  @Test func `slots do not take each other's jobs`() throws {
    try temporary.submit()
    #expect(try store.claimNext(.io) == nil)
    #expect(try store.claimNext(.compute) != nil)
  }

  @Test func `a failed attempt is tried again after a pause, and only so often`() throws {
    let job = try temporary.running(maxAttempts: 2)
    let queued = try store.finish(
      job.id, attempt: 1, outcome: .failed(.example, isRetryable: true))
    #expect(queued.state == .queued(attempt: 1))
    #expect(queued.problem == .example)
    #expect(queued.notBefore == temporary.clock.now.adding(seconds: 2))
    #expect(try store.nextDue(.compute) == queued.notBefore)
    #expect(try store.claimNext(.compute) == nil)
    #expect(try store.oldestClaimable() == nil)
    temporary.clock.advance(seconds: 2)
    #expect(try store.oldestClaimable() == temporary.clock.now)
    #expect(try store.claimNext(.compute)?.state.attempt == 2)
    let failed = try store.finish(
      job.id, attempt: 2, outcome: .failed(.example, isRetryable: true))
    #expect(failed.state == .failed(attempt: 2))
    #expect(
      try temporary.history(job.id) == ["queued", "running", "queued", "running", "failed"])
  }

  @Test func `an error that is not worth another attempt ends the job`() throws {
    let job = try temporary.running(maxAttempts: 9)
    #expect(
      try store.finish(job.id, attempt: 1, outcome: .failed(.example, isRetryable: false)).state
        == .failed(attempt: 1))
  }

  @Test func `a worker that was replaced is not heard`() throws {
    let job = try temporary.running(maxAttempts: 2)
    let later = try temporary.restarted()
    #expect(try later.store.recover() == [job.id])
    #expect(try later.store.claimNext(.compute)?.state.attempt == 2)
    let superseded = StoreError.superseded(job.id, attempt: 1)
    #expect(throws: superseded) {
      try later.store.finish(job.id, attempt: 1, outcome: .succeeded(result: [:]))
    }
    #expect(throws: superseded) {
      try later.store.record([.log(.info, "still here")], of: job.id, attempt: 1)
    }
    #expect(try later.store.logs(of: job.id, after: 0, limit: 10) == [])
  }

  @Test func `a drained job goes back to the queue and on from its checkpoint`() throws {
    let job = try temporary.running()
    let queued = try store.finish(
      job.id, attempt: 1, outcome: .stopped, updates: [.checkpoint("step_5")])
    #expect(queued.state == .queued(attempt: 1))
    #expect(queued.resumedFrom == "step_5")
  }

  @Test func `a job that kills its process is given up, one that gets further is not`() throws {
    var temporary = temporary
    let job = try temporary.running()
    for loss in 1...12 {
      temporary = try temporary.restarted()
      _ = try temporary.store.recover()
      temporary.clock.advance(seconds: 1000)
      let claimed = try #require(try temporary.store.claimNext(.compute))
      #expect(claimed.state.attempt == loss + 1)
      _ = try temporary.store.record(
        [.checkpoint("step_\(loss)")], of: job.id, attempt: loss + 1)
    }
    for _ in 1...10 {
      temporary = try temporary.restarted()
      _ = try temporary.store.recover()
      temporary.clock.advance(seconds: 1000)
      _ = try temporary.store.claimNext(.compute)
    }
    #expect(try temporary.store.job(job.id).state.name == .failed)
    #expect(try temporary.store.job(job.id).problem?.type == "urn:bitnet:problem:worker-lost")
  }

  @Test func `events have no gaps, whatever is written`() throws {
    let job = try temporary.running()
    let artifact = Artifact(
      name: "a", path: "a", bytes: 1, sha256: String(repeating: "0", count: 64), createdAt: .now())
    for step in 0..<10 {
      _ = try store.record(
        [
          .progress(Progress(fraction: 0.1, step: Int64(step))), .log(.warning, "line \(step)"),
          .metrics([MetricPoint(name: "loss", step: Int64(step), value: 2, time: .now())]),
          .artifact(artifact), .health(["step": .int(Int64(step))]),
        ], of: job.id, attempt: 1)
    }
    let events = try store.events(of: job.id, after: 0, limit: 1000)
    #expect(events.map(\.sequence) == Array(1...Int64(events.count)))
    #expect(events.count == 42)
    let current = try store.job(job.id)
    #expect(current.version == 42)
    #expect(current.artifacts.map(\.name) == ["a"])
    #expect(current.health == ["step": 9])
    #expect(try store.events(of: job.id, after: 40, limit: 1).map(\.sequence) == [41])
    #expect(
      try store.logs(of: job.id, after: 0, limit: 2).map(\.data["message"]?.stringValue) == [
        "line 0", "line 1",
      ])
  }

  @Test func `an outcome and its artifacts are one`() throws {
    let job = try temporary.running()
    let wrong = Artifact(name: "a", path: "a", bytes: 1, sha256: "short", createdAt: .now())
    #expect {
      try store.finish(
        job.id, attempt: 1, outcome: .succeeded(result: [:]),
        updates: [.log(.info, "x"), .artifact(wrong)])
    } throws: { error in
      guard case .constraintViolated = error as? StoreError else { return false }
      return true
    }
    #expect(try store.job(job.id).state.name == .running)
    #expect(try store.job(job.id).version == 2)
    #expect(try store.events(of: job.id, after: 0, limit: 10).count == 2)
  }
}
