import JobStore
import Jobs
import Testing

struct PeopleTests {
  let temporary: TemporaryStore
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryStore() }

  @Test func `a queued job is cancelled at once, a running one at its step boundary`() throws {
    let queued = try temporary.submit(.eval)
    #expect(try store.cancel(queued).state == .cancelled(attempt: 0))
    let running = try temporary.running()
    #expect(try store.cancel(running.id).state.name == .running)
    #expect(try store.cancel(running.id).state.name == .running)
    #expect(try store.record([.progress(Progress())], of: running.id, attempt: 1))
    #expect(
      try store.finish(running.id, attempt: 1, outcome: .stopped).state == .cancelled(attempt: 1))
    #expect(try temporary.history(running.id) == ["queued", "running", "running", "cancelled"])
  }

  @Test func `a final job cannot be cancelled, a succeeded one not retried`() throws {
    let job = try temporary.running()
    let state = try store.finish(job.id, attempt: 1, outcome: .succeeded(result: [:])).state
    #expect(
      throws: StoreError.illegal(
        job.id, IllegalTransition(state: state, transition: .cancelRequested))
    ) { try store.cancel(job.id) }
    #expect(
      throws: StoreError.illegal(
        job.id, IllegalTransition(state: state, transition: .retried(waits: false)))
    ) { try store.retry(job.id) }
  }

  @Test func `a retried job goes on from its checkpoint with all its attempts`() throws {
    let job = try temporary.running()
    _ = try store.record([.checkpoint("checkpoints/step_10")], of: job.id, attempt: 1)
    _ = try store.finish(job.id, attempt: 1, outcome: .failed(.example, isRetryable: true))
    let retried = try store.retry(job.id)
    #expect(retried.state == .queued(attempt: 1))
    #expect(retried.resumedFrom == "checkpoints/step_10")
    #expect(retried.problem == nil)
    let claimed = try #require(try store.claimNext(.compute))
    #expect(claimed.state.attempt == 2)
    #expect(claimed.resumedFrom == "checkpoints/step_10")
  }

  @Test func `a retry brings back what was cancelled because of the job, and nothing else`() throws
  {
    let first = try temporary.running()
    let second = try temporary.submit(after: [first.id])
    let third = try temporary.submit(after: [second])
    let other = try temporary.submit(after: [first.id])
    _ = try store.cancel(other)
    _ = try store.finish(first.id, attempt: 1, outcome: .failed(.example, isRetryable: false))
    #expect(try store.job(third).state.name == .cancelled)
    #expect(throws: StoreError.blocked(second, by: first.id, .failed)) { try store.retry(second) }
    _ = try store.retry(first.id)
    #expect(try store.job(second).state == .waiting(attempt: 0))
    #expect(try store.job(third).state == .waiting(attempt: 0))
    #expect(try store.job(other).state.name == .cancelled)
  }

  @Test func `only a final job is deleted, with all that hangs on it`() throws {
    let job = try temporary.running()
    #expect(throws: StoreError.notFinal(job.id, .running)) { try store.delete(job.id, .jobOnly) }
    let artifact = Artifact(
      name: "report.json", path: "jobs/report.json", bytes: 2,
      sha256: String(repeating: "a", count: 64), createdAt: .now())
    let model = ModelRecord(
      id: .make(at: .now()), name: "m", path: "models/m", configuration: [:], parameterCount: 1,
      bytes: 4, fingerprint: "f", createdAt: temporary.clock.now)
    _ = try store.finish(
      job.id, attempt: 1, outcome: .succeeded(result: [:]),
      updates: [
        .artifact(artifact), .model(model), .log(.info, "done"),
        .metrics([MetricPoint(name: "loss", step: 1, value: 1, time: .now())]),
      ])
    #expect(try store.model(madeBy: job.id).id == model.id)
    let follower = try temporary.submit(after: [job.id])
    #expect(try store.delete(job.id, .jobOnly) == ["jobs/report.json"])
    #expect(try store.model(model.id).jobID == nil)
    #expect(throws: StoreError.notFound(job.id.text)) { try store.job(job.id) }
    #expect(try store.job(follower).state.name == .queued)
    #expect(store.check() == [])
  }

  @Test func `a model goes with its job when asked`() throws {
    let job = try temporary.running()
    let model = ModelRecord(
      id: .make(at: .now()), name: "m", path: "models/m", configuration: [:], parameterCount: 1,
      bytes: 4, fingerprint: "f", createdAt: .now())
    _ = try store.finish(
      job.id, attempt: 1, outcome: .succeeded(result: [:]), updates: [.model(model)])
    #expect(try store.delete(job.id, .everything) == ["models/m"])
    #expect(throws: StoreError.notFound(model.id.text)) { try store.model(model.id) }
  }
}
