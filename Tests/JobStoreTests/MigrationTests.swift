import Foundation
import GRDB
import JobStore
import Jobs
import Migrations
import Testing

/// Databases of earlier programs, with all that can be in them, opened by this one.
struct MigrationTests {
  let folder = TemporaryFolder()

  private var path: String { folder.path + "/" + JobStore.databaseName }

  /// A database of schema 1 as the first program left it: one row or more in every table.
  private func makeFirstDatabase() throws {
    let database = try DatabaseQueue(path: path)
    try database.write { database in
      try database.execute(sql: Migration.all[0].sql)
      try database.execute(sql: "PRAGMA application_id = 1112821332; PRAGMA user_version = 1")
      let digest = String(repeating: "a", count: 64)
      for (number, kind) in ["train", "eval", "collect"].enumerated() {
        let id = "job_0000000000000000000000000\(number + 1)"
        try database.execute(
          sql: """
            INSERT INTO job (number, id, kind, name, state, priority, slot, tags, spec, comes_after,
              attempt, max_attempts, created_at, queued_at, finished_at, result, last_event)
            VALUES (\(10 * (number + 1)), '\(id)', '\(kind)', 'n', 'queued', 0, 'compute', '{}',
              '{}', '[]', 0, 3, 5, 5, NULL, NULL, 2);
            INSERT INTO job_tag VALUES ('who', 'me', '\(id)');
            INSERT INTO event VALUES (\(10 * (number + 1)), 1, 5, 'state', '{}');
            INSERT INTO event VALUES (\(10 * (number + 1)), 2, 6, 'log', '{"message": "m"}');
            """)
      }
      try database.execute(
        sql: """
          UPDATE job SET state = 'running', attempt = 1, boot = 'b', heartbeat_at = 6
            WHERE number = 10;
          UPDATE job SET state = 'succeeded', boot = NULL, heartbeat_at = NULL, finished_at = 7,
            result = '{}' WHERE number = 10;
          INSERT INTO dependency VALUES (20, 10), (30, 20);
          INSERT INTO idempotency VALUES ('key', 'f', '["job_00000000000000000000000001"]', 10, 5);
          INSERT INTO metric_series VALUES (1, 10, 'loss', 1, 3);
          INSERT INTO metric_point VALUES (1, 0, 3, 6, 0.5);
          INSERT INTO metric_bucket VALUES (1, 1, 0, 1, 0.5, 0.5, 3, 6, 0.5, 3, 6);
          INSERT INTO artifact VALUES (10, 'a', 'p', 1, '\(digest)', 't', 7);
          INSERT INTO model VALUES (1, 'mdl_00000000000000000000000001', 10, 'm', 'checkpoint',
            'p', '{}', 1, 1, '\(digest)', 7);
          INSERT INTO trace VALUES (1, 'trc_00000000000000000000000001', 30, 't', 'p', '{}', 1, 7);
          INSERT INTO trace_shard VALUES (1, 0, 'p', 1, '\(digest)', 1, 4, '{}');
          INSERT INTO trace_sequence VALUES (1, 0, 0, 0, 4);
          INSERT INTO boot VALUES ('b', 1, '3', 1, 2);
          """)
    }
    try database.close()
  }

  /// Every row of every table as text, and every index and trigger.
  private func content() throws -> (rows: [String: [String]], made: [String: String]) {
    let database = try DatabaseQueue(path: path)
    defer { try? database.close() }
    return try database.read { database in
      let tables = try String.fetchAll(
        database,
        sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      var rows: [String: [String]] = [:]
      for table in tables {
        rows[table] = try Row.fetchAll(database, sql: "SELECT * FROM \(table)")
          .map { "\($0)" }.sorted()
      }
      let made = try Row.fetchAll(
        database,
        sql: "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger')"
          + " AND sql IS NOT NULL")
      return (
        rows, Dictionary(uniqueKeysWithValues: made.map { ($0[0] as String, $0[1] as String) })
      )
    }
  }

  @Test func `a database of the first schema comes through whole`() throws {
    try makeFirstDatabase()
    let before = try content()
    #expect(before.rows.values.allSatisfy { !$0.isEmpty }, "every table must be tried")

    let store = try JobStore(folder: folder.path, boot: .make(at: .now()))
    store.close()
    var after = try content()
    // Opening notes the new life of the daemon.
    after.rows["boot"]?.removeAll { !$0.contains("process_id:1 ") }
    #expect(after.rows == before.rows)
    #expect(after.made == before.made)
  }

  @Test func `what refers to a job still does, and jobs still move, are counted and go`() throws {
    try makeFirstDatabase()
    let store = try JobStore(folder: folder.path, boot: .make(at: .now()))
    defer { store.close() }
    #expect(try store.job(JobID("job_00000000000000000000000001")!).state.name == .succeeded)
    let added = JobID.make(at: .now())
    _ = try store.submit([NewJob(id: added, kind: .convert, spec: [:])])
    #expect(try store.job(added).kind == .convert)

    let database = try DatabaseQueue(path: path)
    defer { try? database.close() }
    try database.write { database in
      #expect(try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").isEmpty)
      #expect(try String.fetchAll(database, sql: "PRAGMA integrity_check") == ["ok"])
      // A move that JobState does not have.
      #expect(throws: DatabaseError.self) {
        try database.execute(sql: "UPDATE job SET state = 'waiting' WHERE number = 10")
      }
      #expect(throws: DatabaseError.self) {
        try database.execute(sql: "INSERT INTO event VALUES (99, 1, 5, 'log', '{}')")
      }
      func count(_ sql: String) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT count(*) FROM " + sql) ?? -1
      }
      let counts = "coalesce(sum(count), 0) FROM job_count WHERE kind = "
      func counted(_ kind: String) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT \(counts)'\(kind)'") ?? -1
      }
      #expect(try counted("convert") == 1)
      try database.execute(sql: "DELETE FROM job WHERE number = 10")
      for table in ["event", "artifact", "metric_series"] {
        #expect(try count("\(table) WHERE job = 10") == 0, "\(table)")
      }
      #expect(try count("metric_point") == 0)
      #expect(try count("dependency") == 1)
      #expect(try count("job_tag") == 2)
      #expect(try count("model WHERE job IS NULL") == 1)
      #expect(try counted("train") == 0)
    }
  }
}
