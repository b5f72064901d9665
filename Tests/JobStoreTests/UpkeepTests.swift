import Foundation
import JobStore
import Jobs
import Testing

struct UpkeepTests {
  let temporary: TemporaryStore
  var store: JobStore { temporary.store }

  init() throws { temporary = try TemporaryStore() }

  @Test func `a backup is a database of its own, and replaces the one before`() throws {
    let folder = TemporaryFolder()
    let path = folder.path + "/" + JobStore.databaseName
    try temporary.submit()
    try store.backup(to: path)
    let second = try temporary.submit()
    try store.backup(to: path)
    #expect(JobStore.check(databaseAt: path) == [])
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 1)
    let copy = try TemporaryStore(folder: folder)
    #expect(try copy.store.jobs(limit: 10).jobs.count == 2)
    #expect(try copy.store.job(second) == store.job(second))
  }

  @Test func `a backup that cannot be written leaves nothing behind`() throws {
    #expect {
      try store.backup(to: temporary.folder.path + "/missing/copy.sqlite")
    } throws: {
      ($0 as? StoreError).map { if case .unavailable = $0 { true } else { false } } ?? false
    }
    try temporary.submit()
  }

  @Test func `retention names the jobs that are old, or too many`() throws {
    var identifiers: [JobID] = []
    for _ in 0..<5 {
      let job = try temporary.running()
      _ = try store.finish(job.id, attempt: 1, outcome: .succeeded(result: [:]))
      identifiers.append(job.id)
      temporary.clock.advance(seconds: 86_400)
    }
    try temporary.submit()
    #expect(try store.retentionCandidates(.init(), limit: 10) == [])
    #expect(
      try store.retentionCandidates(.init(ageDaysMax: 3.5), limit: 10)
        == Array(identifiers[..<2]))
    #expect(
      try store.retentionCandidates(.init(countMax: 2), limit: 10) == Array(identifiers[..<3]))
    #expect(
      try store.retentionCandidates(.init(ageDaysMax: 0, countMax: 0), limit: 1).count == 1)
  }

  @Test func `deleted rows give their space back`() throws {
    let job = try temporary.running()
    let line = String(repeating: "x", count: 1000)
    _ = try store.record(
      (0..<2000).map { _ in .log(.info, line) }, of: job.id, attempt: 1)
    _ = try store.finish(job.id, attempt: 1, outcome: .succeeded(result: [:]))
    func pages() throws -> Int {
      let path = temporary.folder.path + "/copy.sqlite"
      try store.backup(to: path)
      return try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }
    let before = try pages()
    _ = try store.delete(job.id, .everything)
    #expect(try store.releaseSpace(pageCount: 100_000) == 0)
    #expect(try pages() * 4 < before)
  }

  @Test func `a probe really writes`() throws {
    try store.probe()
    store.close()
    #expect(throws: StoreError.unavailable("the store is closed")) { try store.probe() }
  }

  @Test func `artifacts are listed page by page`() throws {
    for _ in 0..<3 {
      let job = try temporary.running()
      let artifacts = ["a", "b"].map {
        Artifact(
          name: $0, path: "\(job.id)/\($0)", bytes: 1, sha256: String(repeating: "c", count: 64),
          createdAt: .now())
      }
      _ = try store.finish(
        job.id, attempt: 1, outcome: .succeeded(result: [:]),
        updates: artifacts.map { .artifact($0) })
    }
    var paths: Set<String> = []
    var last: (job: JobID, name: String)?
    while true {
      let page = try store.artifacts(after: last, limit: 4)
      guard let end = page.last else { break }
      paths.formUnion(page.map(\.artifact.path))
      last = (end.job, end.artifact.name)
    }
    #expect(paths.count == 6)
  }
}
