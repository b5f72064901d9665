internal import GRDB
package import Jobs

/// What a worker has to say while its job runs.
package enum JobUpdate: Equatable, Sendable {
  case progress(Progress)
  case metrics([MetricPoint])
  case log(LogLevel, String)
  /// A file that is on the disk, under its final name.
  case artifact(Artifact)
  /// A checkpoint or shard that is on the disk; the next attempt goes on from the last one.
  case checkpoint(String)
  case health(JSONValue)
  /// A model that is on the disk; the same identifier again replaces it.
  case model(ModelRecord)
  /// A set of traces; the same identifier again replaces it.
  case trace(TraceRecord)
  /// A shard that is on the disk; the same number again replaces it.
  case traceShard(TraceShardRecord)
}

// What workers ask. A worker names its attempt with everything, so that one that was replaced
// changes nothing.
extension JobStore {
  /// At start, before any worker: takes back the jobs that processes which are no more were running.
  ///
  /// - Returns: those jobs.
  package func recover() throws(StoreError) -> [JobID] {
    let policy = configuration.retryPolicy
    return try writer.perform { [boot] transaction in
      let rows = try transaction.loadAll(Query.runningElsewhere, [boot.text])
      for var row in rows {
        let losses = row.losses + 1
        let triesAgain = losses < policy.lossesMax
        try transaction.move(&row, .lost(boot: boot, triesAgain: triesAgain)) { row in
          row.losses = losses
          switch row.job.state.name {
          case .queued:
            let delay = policy.delaySeconds(afterLosses: losses)
            if delay > 0 { row.job.notBefore = transaction.now.adding(seconds: delay) }
          case .failed:
            row.job.problem = Problem(
              type: Problem.lostType, title: "The daemon died while this job ran",
              detail: "\(losses) times in a row, without a checkpoint in between")
          case .waiting, .running, .succeeded, .cancelled: break
          }
        }
      }
      return rows.map(\.job.id)
    }
  }

  /// Takes the next queued job of a slot for this process: the highest priority first, of equal
  /// ones the oldest. No two claims get the same attempt of a job.
  ///
  /// - Returns: the job, running; nil when there is none that may run now.
  package func claimNext(_ slot: JobSlot) throws(StoreError) -> Job? {
    try writer.perform { [boot] transaction in
      let rows = try transaction.loadAll(
        Query.claimNext, [slot.rawValue, transaction.now.milliseconds])
      guard var row = rows.first else { return nil }
      try transaction.move(&row, .claimed(boot: boot))
      return try Self.withArtifacts(row, transaction.database)
    }
  }

  /// When the first of the queued jobs that must not run yet may run; nil when there is none.
  package func nextDue(_ slot: JobSlot) throws(StoreError) -> Timestamp? {
    try read { database in
      try Int64.fetchOne(database, sql: Query.nextDue, arguments: [slot.rawValue])
        .map { Timestamp(milliseconds: $0) }
    }
  }

  /// Writes down what a worker has to say, in one transaction.
  ///
  /// - Returns: whether the job is to stop because a person cancelled it.
  /// - Throws: `.superseded` when the attempt is not the running one: nothing was written.
  package func record(
    _ updates: [JobUpdate], of id: JobID, attempt: Int
  ) throws(StoreError) -> Bool {
    try writer.perform { transaction in
      var (row, cancelRequested) = try transaction.loadRunning(id, attempt: attempt)
      try transaction.apply(updates, to: &row)
      return cancelRequested
    }
  }

  /// Ends an attempt: the last updates, the outcome and all that follows are one transaction.
  ///
  /// `.stopped` means cancelled when a person cancelled the job, else back in the queue.
  ///
  /// - Throws: `.superseded` when the attempt is not the running one: nothing was written.
  package func finish(
    _ id: JobID, attempt: Int, outcome: JobOutcome, updates: [JobUpdate] = []
  ) throws(StoreError) -> Job {
    let policy = configuration.retryPolicy
    return try writer.perform { transaction in
      var (row, cancelRequested) = try transaction.loadRunning(id, attempt: attempt)
      try transaction.apply(updates, to: &row)
      switch outcome {
      case .succeeded(let result):
        try transaction.move(&row, .succeeded(attempt: attempt)) { $0.job.result = result }
      case .stopped:
        try transaction.move(
          &row, cancelRequested ? .stopped(attempt: attempt) : .drained(attempt: attempt))
      case .failed(let problem, let isRetryable):
        let failures = row.failures + 1
        let triesAgain = isRetryable && failures < row.job.maxAttempts
        try transaction.move(&row, .failed(attempt: attempt, triesAgain: triesAgain)) { row in
          row.failures = failures
          row.job.problem = problem
          if row.job.state.name == .queued {
            row.job.notBefore = transaction.now.adding(
              seconds: policy.delaySeconds(afterFailures: failures))
          }
        }
      }
      return try Self.withArtifacts(row, transaction.database)
    }
  }

  /// Writes down that this process, and so every job that it runs, is alive.
  package func heartbeat() throws(StoreError) {
    try writer.perform { [boot] transaction in
      let arguments: StatementArguments = [transaction.now.milliseconds, boot.text]
      try transaction.run(Query.heartbeatJobs, arguments)
      try transaction.run(Query.heartbeatBoot, arguments)
    }
  }

  /// Since when the first job that could be claimed now has been ready; nil when there is none.
  package func oldestClaimable() throws(StoreError) -> Timestamp? {
    let now = configuration.clock()
    return try read { database in
      try Int64.fetchOne(database, sql: Query.oldestClaimable, arguments: [now.milliseconds])
        .map { Timestamp(milliseconds: $0) }
    }
  }
}

extension Transaction {
  /// The row of a job whose worker speaks.
  ///
  /// - Throws: `.superseded`, also when the job is no more.
  fileprivate func loadRunning(
    _ id: JobID, attempt: Int
  ) throws -> (row: JobRow, cancelRequested: Bool) {
    do {
      let row = try load(id)
      if case .running(attempt, _, let cancelRequested) = row.job.state {
        return (row, cancelRequested)
      }
    } catch StoreError.notFound {
    }
    throw StoreError.superseded(id, attempt: attempt)
  }

  fileprivate func apply(_ updates: [JobUpdate], to row: inout JobRow) throws {
    if updates.isEmpty { return }
    var progress: Progress?
    for update in updates {
      switch update {
      // Of several in one group only the last is news.
      case .progress(let latest): progress = latest
      case .metrics(let points): try add(points, to: &row)
      case .log(let level, let message):
        try appendEvent(
          &row, .log, ["level": .string(level.rawValue), "message": .string(message)])
      case .artifact(let artifact): try add(artifact, to: &row)
      case .checkpoint(let path):
        row.job.checkpoint = path
        row.losses = 0
      case .health(let health): row.job.health = health
      case .model(let model): try put(model, madeBy: row.job.id)
      case .trace(let trace): try put(trace, madeBy: row.job.id)
      case .traceShard(let shard): try put(shard)
      }
    }
    if let progress {
      row.job.progress = progress
      try appendEvent(&row, .progress, progress.json)
    }
    try run(
      Query.updateJob,
      [
        row.job.progress?.json.text, row.job.health?.text, row.job.checkpoint, row.losses,
        row.job.version, row.number,
      ])
    changes.append(JobChange(id: row.job.id, version: row.job.version, kind: .detail))
  }

  private func add(_ artifact: Artifact, to row: inout JobRow) throws {
    try run(
      Query.putArtifact,
      [
        row.number, artifact.name, artifact.path, artifact.bytes, artifact.sha256,
        artifact.mediaType, artifact.createdAt.milliseconds,
      ])
    try appendEvent(&row, .artifact, artifact.json)
  }
}
