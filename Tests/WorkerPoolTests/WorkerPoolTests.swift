import Dispatch
import JobStore
import Jobs
import Synchronization
import Testing
import WorkerPool

struct WorkerPoolTests {
  let temporary: TemporaryPool
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryPool() }

  @Test func `a job submitted later is run at once, and all that it said is there`() throws {
    let pool = try temporary.start { job, running in
      running.log(.info, "begin")
      for step in 1...20 {
        running.metrics([("loss", 1 / Double(step)), ("lr", 0.1)], step: Int64(step))
        running.report(Progress(fraction: Double(step) / 20, step: Int64(step), stepsTotal: 20))
      }
      running.log(.info, "end")
      running.health(["steps": 20])
      return .succeeded(result: ["kind": .string(job.kind.rawValue)])
    }
    let job = try temporary.waitUntilFinal(try temporary.submit())
    #expect(job.state == .succeeded(attempt: 1))
    #expect(job.result == ["kind": "train"])
    #expect(job.progress?.step == 20)
    #expect(job.health == ["steps": 20])
    #expect(try store.metrics(of: job.id, pointsMax: 100).map(\.steps.count) == [20, 20])
    let logs = try store.logs(of: job.id, after: 0, limit: 10)
    #expect(logs.map { $0.data["message"] } == ["begin", "end"])
    let events = try store.events(of: job.id, after: 0, limit: 1000)
    #expect(events.map(\.sequence) == Array(1...Int64(events.count)))
    #expect(events.last?.data["state"] == "succeeded")
    pool.drain()
  }

  @Test func `what a job says is seen while it runs`() throws {
    let gate = Gate()
    let pool = try temporary.start { _, running in
      running.report(Progress(fraction: 0.5, message: "half"))
      gate.pass()
      return .succeeded(result: [:])
    }
    let id = try temporary.submit()
    #expect(try temporary.wait(for: id) { $0.progress != nil }.progress?.message == "half")
    gate.open()
    #expect(try temporary.waitUntilFinal(id).state.name == .succeeded)
    pool.drain()
  }

  @Test func `slots of a class run side by side, and no more than there are`() throws {
    let inside = Mutex((now: 0, most: 0))
    let gate = Gate()
    let full = DispatchSemaphore(value: 0)
    let pool = try temporary.start(slots: [.compute: 1, .io: 3]) { job, _ in
      let count = inside.withLock { inside in
        inside.now += 1
        inside.most = max(inside.most, inside.now)
        return inside.now
      }
      if count == 4 { full.signal() }
      gate.pass()
      inside.withLock { $0.now -= 1 }
      return .succeeded(result: [:])
    }
    let identifiers = try (0..<10).map { try temporary.submit(slot: $0 < 2 ? .compute : .io) }
    full.wait()
    #expect(pool.running.count == 4)
    gate.open()
    for id in identifiers { _ = try temporary.waitUntilFinal(id) }
    #expect(inside.withLock { $0.most } == 4)
    pool.drain()
    #expect(pool.running == [])
  }

  @Test func `a cancel reaches the runner, which stops at its step boundary`() throws {
    let begun = DispatchSemaphore(value: 0)
    let pool = try temporary.start { _, running in
      begun.signal()
      while running.stopRequested == nil {}
      #expect(running.stopRequested == .cancel)
      try running.recordCheckpoint("step_7")
      return .stopped
    }
    let id = try temporary.submit()
    begun.wait()
    _ = try store.cancel(id)
    let job = try temporary.waitUntilFinal(id)
    #expect(job.state == .cancelled(attempt: 1))
    #expect(job.checkpoint == "step_7")
    pool.drain()
  }

  @Test func `a drain puts running jobs back, and the next pool goes on from the checkpoint`()
    throws
  {
    let begun = DispatchSemaphore(value: 0)
    let first = try temporary.start { _, running in
      begun.signal()
      while running.stopRequested == nil {}
      #expect(running.stopRequested == .drain)
      try running.recordCheckpoint("step_3")
      running.log(.info, "stopped")
      return .stopped
    }
    let id = try temporary.submit()
    let later = try temporary.submit()
    begun.wait()
    first.drain()
    let queued = try store.job(id)
    #expect(queued.state == .queued(attempt: 1))
    #expect(queued.resumedFrom == "step_3")
    #expect(try store.job(later).state == .queued(attempt: 0))
    #expect(try store.logs(of: id, after: 0, limit: 10).count == 1)

    let second = try temporary.start { _, running in
      .succeeded(result: ["from": running.resumedFrom.map { .string($0) } ?? .null])
    }
    #expect(try temporary.waitUntilFinal(id).result == ["from": "step_3"])
    #expect(try temporary.waitUntilFinal(later).result == ["from": nil])
    second.drain()
  }

  @Test func `errors end a job, or bring it another attempt`() throws {
    struct Unforeseen: Error {}
    let pool = try temporary.start { job, running in
      switch job.name {
      case "again" where running.attempt < 3: throw RetryableProblem(.example)
      case "problem": throw Problem.example
      case "unforeseen": throw Unforeseen()
      default: return .succeeded(result: ["attempt": .int(Int64(running.attempt))])
      }
    }
    let identifiers = try ["again", "problem", "unforeseen"].map {
      try temporary.submit(name: $0, maxAttempts: 5)
    }
    let jobs = try identifiers.map(temporary.waitUntilFinal)
    #expect(jobs[0].result == ["attempt": 3])
    #expect(jobs[1].problem == .example)
    #expect(jobs[1].state == .failed(attempt: 1))
    #expect(jobs[2].problem?.detail == "Unforeseen()")
    pool.drain()
  }

  @Test func `a runner that says what cannot be stored fails its job, and the pool goes on`() throws
  {
    let pool = try temporary.start(flushSeconds: 100) { job, running in
      if job.name == "bad" {
        running.addArtifact(
          Artifact(name: "", path: "", bytes: -1, sha256: "", createdAt: .now()))
      }
      return .succeeded(result: [:])
    }
    let bad = try temporary.submit(name: "bad")
    let good = try temporary.submit()
    #expect(try temporary.waitUntilFinal(bad).state.name == .failed)
    #expect(try temporary.waitUntilFinal(good).state.name == .succeeded)
    pool.drain()
  }

  @Test func `many jobs in several slots are each run once`() throws {
    let runs = Mutex<[JobID: Int]>([:])
    let pool = try temporary.start(slots: [.compute: 4, .io: 4]) { job, _ in
      runs.withLock { $0[job.id, default: 0] += 1 }
      return .succeeded(result: [:])
    }
    let jobs = (0..<200).map { index in
      NewJob(
        id: .make(at: .now()), kind: .train, slot: index.isMultiple(of: 2) ? .compute : .io)
    }
    for group in 0..<4 { _ = try store.submit(Array(jobs[(group * 50)..<(group * 50 + 50)])) }
    for job in jobs { _ = try temporary.waitUntilFinal(job.id) }
    pool.drain()
    #expect(runs.withLock { $0 } == Dictionary(uniqueKeysWithValues: jobs.map { ($0.id, 1) }))
  }

  @Test func `jobs of a dead process are taken back at the start`() throws {
    let id = try temporary.submit()
    _ = try store.claimNext(.compute)
    store.close()
    let later = try TemporaryPool(path: temporary.path)
    let events = Mutex<[WorkerPoolEvent]>([])
    let pool = try later.start { event in
      events.withLock { $0.append(event) }
    } runner: { _, running in
      .succeeded(result: ["attempt": .int(Int64(running.attempt))])
    }
    #expect(try later.waitUntilFinal(id).result == ["attempt": 2])
    pool.drain()
    #expect(
      events.withLock { $0 } == [
        .recovered([id]), .claimed(id, attempt: 2), .finished(id, attempt: 2, .succeeded),
      ])
  }

  @Test func `a store that is closed under the pool does not hang it`() throws {
    let begun = DispatchSemaphore(value: 0)
    let gate = Gate()
    let events = Mutex<[WorkerPoolEvent]>([])
    let pool = try temporary.start { event in
      events.withLock { $0.append(event) }
    } runner: { _, _ in
      begun.signal()
      gate.pass()
      return .succeeded(result: [:])
    }
    let id = try temporary.submit()
    begun.wait()
    store.close()
    gate.open()
    pool.drain()
    #expect(events.withLock { $0 }.contains(.outcomeNotWritten(id, attempt: 1)))
  }
}
