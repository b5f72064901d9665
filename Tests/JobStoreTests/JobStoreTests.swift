import Foundation
import GRDB
import JobStore
import Jobs
import Testing

struct JobStoreTests {
  @Test func `jobs are there after a restart`() throws {
    let first = try TemporaryStore()
    let id = try first.submit(name: "one", tags: ["team": "a"])
    let before = try first.store.job(id)
    let second = try first.restarted()
    #expect(try second.store.job(id) == before)
    #expect(before.tags == ["team": "a"])
    #expect(before.spec == ["steps": 3])
  }

  @Test func `a second daemon on the folder is refused, and told who is there`() throws {
    let first = try TemporaryStore()
    #expect(throws: StoreError.folderInUse(processID: getpid())) {
      try TemporaryStore(folder: first.folder)
    }
    first.store.close()
    _ = try TemporaryStore(folder: first.folder)
  }

  @Test func `a database of a newer version is refused by name and left alone`() throws {
    let first = try TemporaryStore()
    first.store.close()
    let path = first.folder.path + "/" + JobStore.databaseName
    let newer = JobStore.schemaVersion + 1
    let queue = try DatabaseQueue(path: path)
    try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(newer)") }
    try queue.close()
    #expect(throws: StoreError.newerDatabase(found: newer, known: JobStore.schemaVersion)) {
      try TemporaryStore(folder: first.folder)
    }
  }

  @Test func `another program's database is refused`() throws {
    let folder = TemporaryFolder()
    let queue = try DatabaseQueue(path: folder.path + "/" + JobStore.databaseName)
    try queue.write { try $0.execute(sql: "CREATE TABLE recipe (name TEXT)") }
    try queue.close()
    #expect(throws: StoreError.foreignDatabase("it was made by another program")) {
      try TemporaryStore(folder: folder)
    }
  }

  @Test func `a file that is no database is refused`() throws {
    let folder = TemporaryFolder()
    try Data(repeating: 0x41, count: 8192)
      .write(to: URL(fileURLWithPath: folder.path + "/" + JobStore.databaseName))
    #expect {
      try TemporaryStore(folder: folder)
    } throws: { error in
      guard case .foreignDatabase = error as? StoreError else { return false }
      return true
    }
  }

  @Test func `a damaged database is found at the start or at the first look, and nothing crashes`()
    throws
  {
    let first = try TemporaryStore()
    for _ in 0..<50 { try first.submit(name: String(repeating: "n", count: 500)) }
    first.store.close()
    let path = first.folder.path + "/" + JobStore.databaseName
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let seed = UInt64.random(in: .min ... .max)
    var state = seed
    var foundCount = 0
    for _ in 0..<20 {
      var bytes = whole
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let start = Int(state >> 16) % (bytes.count - 4096)
      bytes.replaceSubrange(start..<(start + 4096), with: Data(repeating: 0xA5, count: 4096))
      let folder = TemporaryFolder()
      try bytes.write(to: URL(fileURLWithPath: folder.path + "/" + JobStore.databaseName))
      do {
        let opened = try TemporaryStore(folder: folder)
        if !opened.store.check().isEmpty { foundCount += 1 }
        _ = try? opened.store.jobs(limit: 100)
      } catch {
        foundCount += 1
      }
    }
    // A page that is free may be anything.
    #expect(foundCount >= 15, "seed \(seed)")
  }

  @Test func `a closed store refuses and does not hang`() throws {
    let first = try TemporaryStore()
    first.store.close()
    first.store.close()
    #expect(throws: StoreError.unavailable("the store is closed")) { try first.submit() }
  }

  @Test func `the library's version is known`() {
    #expect(JobStore.libraryVersion.hasPrefix("3."))
  }
}
