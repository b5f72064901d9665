import JobStore
import Jobs
import Testing

struct ReadingTests {
  let temporary: TemporaryStore
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryStore() }

  @Test(arguments: [JobStore.Order.newestFirst, .oldestFirst])
  func `pages hold every job once, in order`(order: JobStore.Order) throws {
    let identifiers = try (0..<23).map { _ in try temporary.submit() }
    var seen: [JobID] = []
    var next: JobID?
    repeat {
      let page = try store.jobs(order: order, after: next, limit: 5)
      seen += page.jobs.map(\.id)
      next = page.next
    } while next != nil
    #expect(seen == (order == .oldestFirst ? identifiers : identifiers.reversed()))
  }

  @Test func `filters combine`() throws {
    for index in 0..<40 {
      try temporary.submit(
        index.isMultiple(of: 2) ? .train : .eval,
        tags: index.isMultiple(of: 4) ? ["team": "a", "n": "\(index)"] : ["team": "b"])
    }
    let cancelled = try #require(try store.jobs(limit: 40).jobs.last)
    _ = try store.cancel(cancelled.id)
    func count(_ filter: JobStore.JobFilter) throws -> Int {
      try store.jobs(filter, limit: 100).jobs.count
    }
    #expect(try count(.init(kind: .train)) == 20)
    #expect(try count(.init(state: .cancelled)) == 1)
    #expect(try count(.init(kind: .train, state: .queued)) == 19)
    #expect(try count(.init(tag: .init(key: "team", value: "a"))) == 10)
    #expect(try count(.init(tag: .init(key: "team"))) == 40)
    #expect(try count(.init(kind: .eval, tag: .init(key: "team", value: "b"))) == 20)
    #expect(
      try count(.init(kind: .train, state: .cancelled, tag: .init(key: "n", value: "0"))) == 1)
    #expect(try count(.init(tag: .init(key: "none"))) == 0)
  }

  @Test func `a frequent tag and a rare state are found together`() throws {
    let jobs = (0..<1200).map { _ in
      NewJob(id: .make(at: temporary.clock.now), kind: .train, tags: ["team": "a"])
    }
    _ = try store.submit(jobs)
    for index in [3, 700, 1100] { _ = try store.cancel(jobs[index].id) }
    let filter = JobStore.JobFilter(state: .cancelled, tag: .init(key: "team", value: "a"))
    let page = try store.jobs(filter, limit: 2)
    #expect(page.jobs.map(\.id) == [jobs[1100].id, jobs[700].id])
    #expect(try store.jobs(filter, after: page.next, limit: 2).jobs.map(\.id) == [jobs[3].id])
    #expect(
      try store.jobs(
        .init(state: .cancelled, tag: .init(key: "team", value: "b")), limit: 2
      ).jobs == [])
  }

  @Test func `counts follow every move`() throws {
    let first = try temporary.running()
    try temporary.submit(.eval)
    _ = try store.finish(first.id, attempt: 1, outcome: .succeeded(result: [:]))
    #expect(
      Set(try store.jobCounts().map { "\($0.kind) \($0.state) \($0.count)" })
        == ["train succeeded 1", "eval queued 1"])
    _ = try store.delete(first.id, .jobOnly)
    #expect(try store.jobCounts().map(\.kind) == [.eval])
  }

  @Test func `what does not exist is said by name`() throws {
    let id = JobID.make(at: .now())
    #expect(throws: StoreError.notFound(id.text)) { try store.job(id) }
    #expect(throws: StoreError.notFound(id.text)) { try store.events(of: id, after: 0, limit: 1) }
    #expect(throws: StoreError.notFound(id.text)) { try store.metrics(of: id, pointsMax: 10) }
    #expect(throws: StoreError.notFound("nonsense")) { try store.model(reference: "nonsense") }
  }
}
