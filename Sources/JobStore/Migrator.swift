internal import GRDB
internal import Migrations

/// Brings a database to the schema of this program.
///
/// The number of the last step is the database's `user_version`, and its `application_id` says that
/// it is ours.
enum Migrator {
  /// "BTNT".
  static let applicationID: Int64 = 0x4254_4E54

  /// The schema that this program knows.
  static var known: Int { Migration.all.last?.number ?? 0 }

  /// Looks at a database without changing it, before anything else does.
  ///
  /// - Throws: `.foreignDatabase`, `.newerDatabase`, `.damaged`.
  static func inspect(_ database: Database) throws {
    let application = try Int64.fetchOne(database, sql: Query.applicationID) ?? 0
    let version = try Int.fetchOne(database, sql: Query.userVersion) ?? 0
    let tableCount = try Int.fetchOne(database, sql: Query.tableCount) ?? 0
    guard application == applicationID || application == 0 && tableCount == 0 else {
      throw StoreError.foreignDatabase("it was made by another program")
    }
    guard version <= known else {
      throw StoreError.newerDatabase(found: version, known: known)
    }
    let faults = try String.fetchAll(database, sql: Query.quickCheck)
    guard faults == ["ok"] else {
      throw StoreError.damaged(faults.prefix(3).joined(separator: "; "))
    }
  }

  /// Takes the steps that are missing, each in its own transaction.
  ///
  /// A step may put a new table in an old one's place, which with checked references would first
  /// remove what refers to it; so they are checked at the end of each step instead. SQLite changes
  /// that only outside of transactions.
  static func migrate(_ database: Database) throws {
    let version = try Int.fetchOne(database, sql: Query.userVersion) ?? 0
    guard version < known else { return }
    try database.execute(sql: Query.foreignKeysOff)
    defer { try? database.execute(sql: Query.foreignKeysOn) }
    for migration in Migration.all where migration.number > version {
      try database.inTransaction(.immediate) {
        try database.execute(sql: migration.sql)
        let broken = try Row.fetchAll(database, sql: Query.foreignKeyCheck)
        guard broken.isEmpty else {
          throw StoreError.damaged(
            "\(broken.count) rows refer to what is not there after step \(migration.number)")
        }
        // A pragma takes no bound values; both are integers of ours.
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(migration.number)")
        return .commit
      }
    }
  }
}
