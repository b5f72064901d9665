// The only place where a job's state changes: `Transaction.move`. The new state comes from
// `JobState.applying`, the row is written with a compare-and-set on the old one, the event is
// written beside it, and what comes after the job is released or cancelled.

internal import GRDB
internal import Jobs

extension Problem {
  /// The type of a job that was cancelled because of another one, which `instance` names.
  static let dependencyFailedType = "urn:bitnet:problem:dependency-failed"
  /// The type of a job whose process died under it too often.
  static let lostType = "urn:bitnet:problem:worker-lost"
}

extension Transaction {
  /// The job's row.
  ///
  /// - Throws: `.notFound`.
  func load(_ id: JobID) throws -> JobRow {
    let statement = try database.cachedStatement(sql: Query.jobByID)
    guard let row = try Row.fetchOne(statement, arguments: [id.text]) else {
      throw StoreError.notFound(id.text)
    }
    return try JobRow(row)
  }

  /// Rows of jobs that a statement of `Query` selects with `Query.jobColumns`.
  func loadAll(_ sql: String, _ arguments: StatementArguments) throws -> [JobRow] {
    let statement = try database.cachedStatement(sql: sql)
    return try Row.fetchAll(statement, arguments: arguments).map { try JobRow($0) }
  }

  /// Moves a job along one arrow of JobState.swift, with everything that follows from it.
  ///
  /// - Parameters:
  ///   - row: as it stands in the database; is updated.
  ///   - detail: further changes to the row that belong to the move.
  /// - Throws: `.illegal` when there is no such arrow.
  func move(
    _ row: inout JobRow, _ transition: JobTransition, detail: (inout JobRow) -> Void = { _ in }
  ) throws {
    let before = row.job.state
    do {
      row.job.state = try before.applying(transition)
    } catch {
      throw StoreError.illegal(row.job.id, error)
    }
    settle(&row, from: before)
    detail(&row)
    try appendEvent(&row, .state, row.job.stateEventData)
    try write(row, from: before)
    changes.append(
      JobChange(id: row.job.id, version: row.job.version, kind: .state(row.job.state.name)))
    try settleFollowers(of: row)
  }

  /// The columns that follow from the state alone.
  private func settle(_ row: inout JobRow, from before: JobState) {
    row.job.notBefore = nil
    switch row.job.state {
    case .waiting, .queued:
      row.job.queuedAt = row.job.state.name == .queued ? now : nil
      row.job.finishedAt = nil
      row.job.resumedFrom = row.job.checkpoint
      if before.name.isFinal { row.job.problem = nil }
    case .running:
      if before.name != .running {
        row.job.startedAt = now
        row.job.resumedFrom = row.job.checkpoint
      }
    case .succeeded:
      row.job.finishedAt = now
      row.job.problem = nil
    case .failed, .cancelled:
      row.job.finishedAt = now
    }
  }

  private func write(_ row: JobRow, from before: JobState) throws {
    let job = row.job
    var boot: String?
    var heartbeat: Int64?
    var cancelRequested = false
    if case .running(_, let holder, let isRequested) = job.state {
      boot = holder.text
      heartbeat = now.milliseconds
      cancelRequested = isRequested
    }
    let changed = try run(
      Query.moveJob,
      [
        job.state.name.rawValue, job.state.attempt, boot, heartbeat, cancelRequested,
        row.failures, row.losses, job.progress?.json.text, job.result?.text,
        job.problem?.json.text, job.health?.text, job.checkpoint, job.resumedFrom,
        job.queuedAt?.milliseconds, job.startedAt?.milliseconds, job.finishedAt?.milliseconds,
        job.notBefore?.milliseconds, job.version, row.number, before.name.rawValue, before.attempt,
      ])
    precondition(changed == 1, "one writer, and yet the row is not as it was read")
  }

  /// Adds the job's next event. The caller writes the row, which holds the event's number.
  func appendEvent(_ row: inout JobRow, _ type: JobEvent.Kind, _ data: JSONValue) throws {
    row.job.version += 1
    try run(
      Query.insertEvent,
      [row.number, row.job.version, now.milliseconds, type.rawValue, data.text])
  }

  /// Releases or cancels the jobs that come after a job that became final.
  private func settleFollowers(of row: JobRow) throws {
    switch row.job.state {
    case .waiting, .queued, .running: return
    case .succeeded:
      for var follower in try loadAll(Query.releasedFollowers, [row.number]) {
        try move(&follower, .released)
      }
    case .failed, .cancelled:
      let problem = row.job.asCauseOfCancellation
      for var follower in try loadAll(Query.waitingFollowers, [row.number]) {
        try move(&follower, .dependencyFailed) { $0.job.problem = problem }
      }
    }
  }
}

extension Job {
  /// What a watcher hears when the state changes.
  var stateEventData: JSONValue {
    var data: JSONObject = [
      "state": .string(state.name.rawValue), "attempt": .int(Int64(state.attempt)),
    ]
    if case .running(_, _, cancelRequested: true) = state { data["cancel_requested"] = true }
    if let resumedFrom { data["resumed_from"] = .string(resumedFrom) }
    if let notBefore { data["not_before"] = .string(notBefore.rfc3339) }
    if let problem { data["problem"] = problem.json }
    return .object(data)
  }

  /// Why a job that comes after this one, which failed or was cancelled, does not run.
  var asCauseOfCancellation: Problem {
    let label = name.isEmpty ? "\(id)" : "\(id) (\(name))"
    let reason = problem.map { ": \($0.detail)" } ?? ""
    return Problem(
      type: Problem.dependencyFailedType, title: "A job that this one comes after did not succeed",
      detail: "\(kind.rawValue) job \(label) \(state.name.rawValue)\(reason)", instance: id.text)
  }
}
