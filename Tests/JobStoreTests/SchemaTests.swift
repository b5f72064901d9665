import GRDB
import Jobs
import Migrations
import Testing

/// The schema repeats JobState.swift; here rows are put in by hand that no function of ours writes.
struct SchemaTests {
  let database: DatabaseQueue

  init() throws {
    database = try DatabaseQueue()
    try database.write { database in
      for migration in Migration.all { try database.execute(sql: migration.sql) }
    }
  }

  /// A queued job, with some columns as said.
  private func insert(_ changes: [String: String] = [:]) throws {
    var columns = [
      "id": "'job_00000000000000000000000000'", "kind": "'train'", "name": "''",
      "state": "'queued'", "priority": "0", "slot": "'compute'", "tags": "'{}'", "spec": "'{}'",
      "comes_after": "'[]'", "max_attempts": "1", "created_at": "1", "queued_at": "1",
      "last_event": "1",
    ]
    columns.merge(changes) { $1 }
    let names = columns.keys.sorted()
    let values = names.compactMap { columns[$0] }
    try database.write {
      try $0.execute(
        sql: """
          INSERT INTO job (\(names.joined(separator: ", ")))
          VALUES (\(values.joined(separator: ", ")))
          """)
    }
  }

  private static let running = ["state": "'running'", "attempt": "1"]

  @Test(arguments: [
    ["state": "'paused'"], running,
    running.merging(["boot": "'b'"]) { $1 }, running.merging(["heartbeat_at": "1"]) { $1 },
    running.merging(["boot": "'b'", "heartbeat_at": "1", "attempt": "0"]) { $1 },
    ["boot": "'b'"], ["cancel_requested": "1"], ["queued_at": "NULL"], ["finished_at": "1"],
    ["state": "'succeeded'", "attempt": "1", "finished_at": "1"],
    ["state": "'succeeded'", "attempt": "1", "result": "'{}'"],
    ["state": "'failed'", "attempt": "1", "finished_at": "1"],
    ["state": "'failed'", "problem": "'{}'", "finished_at": "1"],
    ["state": "'waiting'", "queued_at": "NULL"], ["state": "'waiting'", "not_before": "1"],
    ["state": "'cancelled'", "queued_at": "NULL"], ["result": "'{}'"], ["spec": "'{'"],
    ["kind": "'dance'"], ["id": "'job_1'"], ["max_attempts": "0"], ["attempt": "-1"],
  ])
  func `the schema refuses a job that cannot be`(columns: [String: String]) throws {
    #expect {
      try insert(columns)
    } throws: {
      ($0 as? DatabaseError)?.resultCode == .SQLITE_CONSTRAINT
    }
  }

  /// What each state needs beside its name and attempt.
  private static func columns(_ state: JobState) -> [String: String] {
    var columns = ["state": "'\(state.name.rawValue)'", "attempt": "\(state.attempt)"]
    switch state {
    case .waiting: columns.merge(["queued_at": "NULL", "comes_after": "'[\"job\"]'"]) { $1 }
    case .queued: break
    case .running: columns.merge(["boot": "'b'", "heartbeat_at": "1"]) { $1 }
    case .succeeded: columns.merge(["finished_at": "1", "result": "'{}'"]) { $1 }
    case .failed, .cancelled: columns.merge(["finished_at": "1", "problem": "'{}'"]) { $1 }
    }
    return columns
  }

  private static func states(attempt: Int) -> [JobState] {
    [
      .waiting(attempt: attempt), .queued(attempt: attempt),
      .running(attempt: attempt, boot: BootID("b"), cancelRequested: false),
      .succeeded(attempt: attempt), .failed(attempt: attempt), .cancelled(attempt: attempt),
    ]
  }

  private static func transitions(attempt: Int) -> [JobTransition] {
    [
      .released, .dependencyFailed, .claimed(boot: BootID("b")), .succeeded(attempt: attempt),
      .failed(attempt: attempt, triesAgain: true), .failed(attempt: attempt, triesAgain: false),
      .drained(attempt: attempt), .lost(boot: BootID("c"), triesAgain: true),
      .cancelRequested, .retried(waits: true), .retried(waits: false),
    ]
  }

  @Test(arguments: states(attempt: 1))
  func `the schema allows the moves of JobState and no others`(from: JobState) throws {
    var reachable = Self.transitions(attempt: 1).compactMap { try? from.applying($0) }
    if from.name == .running { reachable.append(.cancelled(attempt: 1)) }
    for to in Self.states(attempt: 1) + Self.states(attempt: 2) {
      try database.write { try $0.execute(sql: "DELETE FROM job") }
      try insert(Self.columns(from))
      let isStay = to.name == from.name && to.attempt == from.attempt
      let isAllowed =
        isStay || reachable.contains { $0.name == to.name && $0.attempt == to.attempt }
      var columns = [
        "boot": "NULL", "heartbeat_at": "NULL", "finished_at": "NULL", "result": "NULL",
        "problem": "NULL", "queued_at": "1",
      ]
      columns.merge(Self.columns(to)) { $1 }
      let sql =
        "UPDATE job SET " + columns.map { "\($0.key) = \($0.value)" }.joined(separator: ", ")
      let succeeded = (try? database.write { try $0.execute(sql: sql) }) != nil
      #expect(succeeded == isAllowed, "\(from) to \(to)")
    }
  }
}
