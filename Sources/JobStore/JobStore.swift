// Every question about jobs, metrics, events, models and traces: one method each.
//
// The store owns one folder: `bitnet.sqlite` (with its `-wal` and `-shm`) and `bitnetd.lock`.
//
//   - Writing goes through one `CommitGroup`; nothing else writes or checkpoints. Debian's SQLite
//     3.40.1 can damage a WAL when two connections do so at the same instant.
//   - Reading goes through GRDB's pool of read-only connections, each question in one snapshot.
//   - What a method has returned is on the disk (`synchronous = FULL`).
//   - `JobStore+Moves.swift` is the only place where a job's state changes.

internal import Foundation
internal import GRDB
package import Jobs
internal import Synchronization

/// The database of one data folder.
package final class JobStore: Sendable {
  /// What the store's owner decides.
  package struct Configuration: Sendable {
    /// Connections for reading, 1 or more.
    package var readerCount: Int
    /// When failed and lost jobs are tried again.
    package var retryPolicy: RetryPolicy
    /// The time that goes into rows.
    package var clock: @Sendable () -> Timestamp

    /// - Parameters: as the properties.
    package init(
      readerCount: Int = 4, retryPolicy: RetryPolicy = RetryPolicy(),
      clock: @escaping @Sendable () -> Timestamp = { Timestamp.now() }
    ) {
      self.readerCount = readerCount
      self.retryPolicy = retryPolicy
      self.clock = clock
    }
  }

  /// The database's name within its folder.
  package static let databaseName = "bitnet.sqlite"

  /// This life of the daemon, which running jobs are marked with.
  package let boot: BootID
  let configuration: Configuration
  let pool: DatabasePool
  let writer: CommitGroup
  private let lock: Mutex<FolderLock?>

  /// Opens the folder's database, and makes folder and database when they are not there.
  ///
  /// Takes the folder's lock, looks whether the database is whole and ours, and takes the missing
  /// steps of the schema. `recover` is for the caller to call, before any worker starts.
  ///
  /// - Parameters:
  ///   - folder: path of the data folder.
  ///   - boot: new with every start of the program.
  /// - Throws: `.folderInUse`, `.newerDatabase`, `.foreignDatabase`, `.damaged`, `.unavailable`.
  package init(
    folder: String, boot: BootID, configuration: Configuration = Configuration()
  ) throws(StoreError) {
    self.boot = boot
    self.configuration = configuration
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw .unavailable("cannot make the folder \(folder)")
    }
    let lock = try FolderLock(folder: folder)
    let path = folder + "/" + Self.databaseName
    do {
      try Self.inspect(path)
      pool = try Self.open(path, readerCount: configuration.readerCount)
      writer = CommitGroup(pool: pool, clock: configuration.clock)
    } catch {
      throw StoreError(error)
    }
    self.lock = Mutex(lock)
    try writer.perform { transaction in
      try transaction.run(
        Query.insertBoot,
        [
          boot.text, Int64(ProcessInfo.processInfo.processIdentifier), Self.libraryVersion,
          transaction.now.milliseconds, transaction.now.milliseconds,
        ])
    }
  }

  /// The version of the SQLite library, such as `3.40.1`.
  package static var libraryVersion: String {
    (try? DatabaseQueue().read { try String.fetchOne($0, sql: Query.libraryVersion) }) ?? "unknown"
  }

  /// The schema that this program writes.
  package static var schemaVersion: Int { Migrator.known }

  /// The time by the clock that goes into rows.
  package var now: Timestamp { configuration.clock() }

  /// Commits what was handed over, and refuses everything from then on. The folder is free after it.
  package func close() {
    writer.close()
    try? pool.close()
    lock.withLock { $0 = nil }
  }

  /// Calls `observer` on the writer's thread after each commit that changed jobs, before anybody
  /// who waits for that commit goes on. It must be short, and must not wait for the store.
  package func observe(_ observer: @escaping @Sendable ([JobChange]) -> Void) -> ObserverID {
    writer.observe(observer)
  }

  /// Ends what `observe` began; a call that is under way may still come through.
  package func removeObserver(_ id: ObserverID) {
    writer.removeObserver(id)
  }

  /// Answers a question from one snapshot.
  func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do {
      return try pool.read(body)
    } catch {
      throw StoreError(error)
    }
  }

  /// Looks at a database that may be anything, without writing to it.
  private static func inspect(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    var configuration = GRDB.Configuration()
    configuration.readonly = true
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    defer { try? queue.close() }
    try queue.read { try Migrator.inspect($0) }
  }

  private static func open(_ path: String, readerCount: Int) throws -> DatabasePool {
    var configuration = GRDB.Configuration()
    configuration.maximumReaderCount = readerCount
    configuration.busyMode = .timeout(5)
    configuration.persistentReadOnlyConnections = true
    configuration.prepareDatabase { database in
      for pragma in Query.connectionPragmas { try database.execute(sql: pragma) }
      if !database.configuration.readonly {
        for pragma in Query.writerPragmas { try database.execute(sql: pragma) }
      }
    }
    let pool = try DatabasePool(path: path, configuration: configuration)
    try pool.writeWithoutTransaction { database in
      // After the pool has set NORMAL, which may lose the last commits with the power.
      try database.execute(sql: Query.synchronousFull)
      try Migrator.migrate(database)
    }
    return pool
  }
}
