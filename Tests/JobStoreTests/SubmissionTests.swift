import Dispatch
import JobStore
import Jobs
import Synchronization
import Testing

struct SubmissionTests {
  let temporary: TemporaryStore
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryStore() }

  @Test func `the same key and body give the first jobs again`() throws {
    let key = JobStore.IdempotencyKey(key: "k", fingerprint: "body")
    let first = try store.submit([.example, .example], idempotency: key)
    let second = try store.submit([.example, .example], idempotency: key)
    #expect(!first.isRepeated)
    #expect(second.isRepeated)
    #expect(second.jobs.map(\.id) == first.jobs.map(\.id))
    #expect(try store.jobs(limit: 10).jobs.count == 2)
  }

  @Test func `the same key with another body is a conflict`() throws {
    _ = try store.submit(
      [.example], idempotency: JobStore.IdempotencyKey(key: "k", fingerprint: "body"))
    #expect(throws: StoreError.idempotencyConflict(key: "k")) {
      try store.submit(
        [.example], idempotency: JobStore.IdempotencyKey(key: "k", fingerprint: "other"))
    }
    #expect(try store.jobs(limit: 10).jobs.count == 1)
  }

  @Test func `a key repeated from many threads makes one job`() throws {
    let identifiers = Mutex<Set<JobID>>([])
    let failures = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 64) { index in
      let key = JobStore.IdempotencyKey(key: "k\(index % 4)", fingerprint: "body")
      do {
        let submission = try store.submit([.example], idempotency: key)
        identifiers.withLock { $0.formUnion(submission.jobs.map(\.id)) }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(identifiers.withLock { $0.count } == 4)
    #expect(try store.jobs(limit: 100).jobs.count == 4)
  }

  @Test func `one bad job of several keeps all of them out`() throws {
    let unknown = JobID.make(at: .now())
    #expect(throws: StoreError.unknownDependency(unknown)) {
      try store.submit([.example, .example(after: [unknown])])
    }
    #expect(try store.jobs(limit: 10).jobs.isEmpty)
    let job = NewJob.example
    #expect(throws: StoreError.duplicateJob(job.id)) { try store.submit([job, job]) }
    #expect(try store.jobCounts() == [])
  }

  @Test func `one that fails does not disturb others of the same group`() throws {
    let done = DispatchGroup()
    let outcomes = Mutex<[Bool]>([])
    for index in 0..<100 {
      let unknown = JobID.make(at: .now())
      let job = index.isMultiple(of: 2) ? NewJob.example : .example(after: [unknown])
      done.enter()
      store.submit([job]) { result in
        outcomes.withLock { $0.append((try? result.get()) != nil) }
        done.leave()
      }
    }
    done.wait()
    #expect(outcomes.withLock { $0.count { $0 } } == 50)
    #expect(try store.jobs(limit: 100).jobs.count == 50)
  }

  @Test func `a chain waits, is released link by link, and is cancelled with its cause`() throws {
    let first = NewJob.example
    let second = NewJob.example(after: [first.id])
    let third = NewJob.example(after: [first.id, second.id])
    let submission = try store.submit([first, second, third])
    #expect(submission.jobs.map(\.state.name) == [.queued, .waiting, .waiting])

    let claimed = try #require(try store.claimNext(.compute))
    #expect(try store.claimNext(.compute) == nil)
    _ = try store.finish(claimed.id, attempt: 1, outcome: .succeeded(result: [:]))
    #expect(try store.job(second.id).state == .queued(attempt: 0))
    #expect(try store.job(third.id).state == .waiting(attempt: 0))

    _ = try store.claimNext(.compute)
    _ = try store.finish(
      second.id, attempt: 1, outcome: .failed(.example, isRetryable: false))
    let cancelled = try store.job(third.id)
    #expect(cancelled.state == .cancelled(attempt: 0))
    #expect(cancelled.problem?.instance == second.id.text)
    #expect(cancelled.problem?.detail.contains("no luck") == true)

    let late = try store.submit([.example(after: [second.id])]).jobs[0]
    #expect(late.state == .cancelled(attempt: 0))
    #expect(late.problem?.instance == second.id.text)
  }

  @Test func `observers hear of a job before its submitter does`() throws {
    let heard = Mutex<[JobChange]>([])
    let observer = store.observe { changes in heard.withLock { $0 += changes } }
    let id = try temporary.submit()
    #expect(
      heard.withLock { $0 } == [JobChange(id: id, version: 1, kind: .state(.queued))])
    store.removeObserver(observer)
    try temporary.submit()
    #expect(heard.withLock { $0.count } == 1)
  }
}

extension NewJob {
  static var example: NewJob { example(after: []) }

  static func example(after: [JobID]) -> NewJob {
    NewJob(id: .make(at: .now()), kind: .train, after: after)
  }
}
