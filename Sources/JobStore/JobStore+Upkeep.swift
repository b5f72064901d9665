internal import Foundation
internal import GRDB
package import Jobs

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

// What an operator asks.
extension JobStore {
  /// Which final jobs need not be kept.
  package struct Retention: Equatable, Sendable {
    /// Those that ended longer ago than this, in days; nil for any age.
    package var ageDaysMax: Double?
    /// All but the last so many; nil for any number.
    package var countMax: Int?

    /// - Parameters: as the properties.
    package init(ageDaysMax: Double? = nil, countMax: Int? = nil) {
      self.ageDaysMax = ageDaysMax
      self.countMax = countMax
    }
  }

  /// Writes one row to the disk, to see that this works.
  package func probe() throws(StoreError) {
    try writer.perform { [boot] transaction in
      try transaction.run(Query.heartbeatBoot, [transaction.now.milliseconds, boot.text])
    }
  }

  /// Copies the database as it is at one moment, while it is in use.
  ///
  /// The copy is written aside, checked by opening it, made durable, and then given its name.
  ///
  /// - Parameter path: of the copy; a file there is replaced.
  /// - Throws: `.unavailable`, `.diskFull`, `.damaged` when the copy does not pass the check.
  package func backup(to path: String) throws(StoreError) {
    let aside = "\(path).\(boot.text).part"
    defer { unlink(aside) }
    unlink(aside)
    do {
      // Not `read`, whose transaction SQLite refuses here; the statement has its own snapshot.
      try pool.unsafeRead { try $0.execute(sql: Query.backup, arguments: [aside]) }
    } catch {
      throw StoreError(error)
    }
    let faults = Self.check(databaseAt: aside)
    guard faults.isEmpty else { throw .damaged("the copy: \(faults[0])") }
    try synchronize(aside)
    guard rename(aside, path) == 0 else {
      throw .unavailable("cannot rename the copy: \(String(cString: strerror(errno)))")
    }
    try synchronize((path as NSString).deletingLastPathComponent)
  }

  /// Reads all of the database.
  ///
  /// - Returns: what is wrong with it, for a person; empty when nothing is.
  package func check() -> [String] {
    do {
      return try pool.read(Self.faults)
    } catch {
      return ["\(StoreError(error))"]
    }
  }

  /// Reads all of a database that nobody else has open, such as a backup.
  ///
  /// - Returns: what is wrong with it, for a person; empty when nothing is.
  package static func check(databaseAt path: String) -> [String] {
    var configuration = GRDB.Configuration()
    configuration.readonly = true
    do {
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      defer { try? queue.close() }
      return try queue.read { database in
        try Migrator.inspect(database)
        return try faults(database)
      }
    } catch {
      return ["\(StoreError(error))"]
    }
  }

  /// Artifacts of all jobs in a fixed order, for a comparison with the files.
  ///
  /// - Parameters:
  ///   - after: the last one of the page before.
  ///   - limit: 1 or more.
  package func artifacts(
    after: (job: JobID, name: String)? = nil, limit: Int
  ) throws(StoreError) -> [(job: JobID, artifact: Artifact)] {
    try read { database in
      let arguments: StatementArguments = [after?.job.text ?? "", after?.name ?? "", limit]
      return try Row.fetchAll(database, sql: Query.artifactsAfter, arguments: arguments)
        .compactMap { row in JobID(row[6] as String).map { ($0, Artifact(row)) } }
    }
  }

  /// Final jobs that need not be kept, for `delete`; looking is free of consequences.
  ///
  /// - Parameter limit: at most so many.
  package func retentionCandidates(
    _ retention: Retention, limit: Int
  ) throws(StoreError) -> [JobID] {
    let now = configuration.clock()
    return try read { database in
      var identifiers: [String] = []
      if let days = retention.ageDaysMax {
        identifiers += try String.fetchAll(
          database, sql: Query.endedBefore,
          arguments: [now.adding(seconds: -days * 86_400).milliseconds, limit])
      }
      if let count = retention.countMax {
        identifiers += try String.fetchAll(
          database, sql: Query.endedBeyond, arguments: [count, limit])
      }
      return Set(identifiers.compactMap { JobID($0) }).sorted().prefix(limit).map { $0 }
    }
  }

  /// Gives the space of deleted rows back to the file system, and forgets idempotency keys that
  /// are older than `keysAgeDaysMax`.
  ///
  /// - Parameter pageCount: at most so many pages in one go, as others wait meanwhile.
  /// - Returns: the bytes that are still free within the file.
  package func releaseSpace(
    pageCount: Int = 2000, keysAgeDaysMax: Double = 30
  ) throws(StoreError) -> Int64 {
    try writer.perform { transaction in
      let eldest = transaction.now.adding(seconds: -keysAgeDaysMax * 86_400)
      try transaction.run(Query.deleteOldIdempotency, [eldest.milliseconds])
      try transaction.database.execute(sql: Query.releaseSpace(pageCount: pageCount))
      let free = try Int64.fetchOne(transaction.database, sql: Query.freePageCount) ?? 0
      return free * (try Int64.fetchOne(transaction.database, sql: Query.pageSize) ?? 0)
    }
  }

  private static func faults(_ database: Database) throws -> [String] {
    let integrity = try String.fetchAll(database, sql: Query.integrityCheck)
    let references = try Row.fetchAll(database, sql: Query.foreignKeyCheck)
    return integrity.filter { $0 != "ok" }
      + references.map { "a row of \($0[0] as String) names something that is not there" }
  }
}

/// Makes a file or folder durable.
private func synchronize(_ path: String) throws(StoreError) {
  let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else {
    throw .unavailable("cannot open \(path): \(String(cString: strerror(errno)))")
  }
  defer { close(descriptor) }
  guard fsync(descriptor) == 0 else {
    throw .unavailable("cannot make \(path) durable: \(String(cString: strerror(errno)))")
  }
}
