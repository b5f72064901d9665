internal import GRDB
package import Jobs

extension JobStore {
  /// What a submitter says to be sure that a request which he repeats is done once.
  package struct IdempotencyKey: Equatable, Sendable {
    /// The submitter's word, with whatever tells routes apart.
    package let key: String
    /// The same for the same request: a hash of its body.
    package let fingerprint: String

    /// - Parameters: as the properties.
    package init(key: String, fingerprint: String) {
      self.key = key
      self.fingerprint = fingerprint
    }
  }

  /// What became of a submission.
  package struct Submission: Equatable, Sendable {
    package let jobs: [Job]
    /// Whether the jobs are those of an earlier submission with the same key and body.
    package let isRepeated: Bool
  }

  /// Adds jobs, all or none; `completion` is called when they are on the disk.
  ///
  /// Submissions from many threads share one fsync. A job waits while one of its `after` is not
  /// final, and is cancelled at once when one of them failed or was cancelled.
  ///
  /// - Parameters:
  ///   - jobs: may name each other in `after`, later ones the earlier ones.
  ///   - idempotency: the first submission with this key counts, later ones get its jobs.
  ///   - completion: called once, on the writer's thread: be short. Fails with
  ///     `.unknownDependency`, `.duplicateJob`, `.idempotencyConflict`, `.diskFull`, `.busy`,
  ///     `.unavailable`.
  package func submit(
    _ jobs: [NewJob], idempotency: IdempotencyKey? = nil,
    completion: @escaping @Sendable (Result<Submission, StoreError>) -> Void
  ) {
    writer.perform({ try $0.submit(jobs, idempotency) }, completion: completion)
  }

  /// Adds jobs and waits until they are on the disk; otherwise as the other `submit`.
  package func submit(
    _ jobs: [NewJob], idempotency: IdempotencyKey? = nil
  ) throws(StoreError) -> Submission {
    try writer.perform { try $0.submit(jobs, idempotency) }
  }
}

extension Transaction {
  fileprivate func submit(
    _ newJobs: [NewJob], _ idempotency: JobStore.IdempotencyKey?
  ) throws -> JobStore.Submission {
    if let idempotency, let earlier = try earlierJobs(idempotency) {
      return JobStore.Submission(jobs: earlier, isRepeated: true)
    }
    var rows: [JobRow] = []
    for newJob in newJobs { rows.append(try insert(newJob)) }
    if let idempotency, let first = rows.first {
      let identifiers = JSONValue.array(rows.map { .string($0.job.id.text) })
      try run(
        Query.insertIdempotency,
        [
          idempotency.key, idempotency.fingerprint, identifiers.text, first.number,
          now.milliseconds,
        ])
    }
    return JobStore.Submission(jobs: rows.map(\.job), isRepeated: false)
  }

  private func earlierJobs(_ idempotency: JobStore.IdempotencyKey) throws -> [Job]? {
    let statement = try database.cachedStatement(sql: Query.idempotencyByKey)
    guard let row = try Row.fetchOne(statement, arguments: [idempotency.key]) else { return nil }
    guard row[0] as String == idempotency.fingerprint else {
      throw StoreError.idempotencyConflict(key: idempotency.key)
    }
    let identifiers = try JSONValue(stored: row[1]).arrayValue ?? []
    // One of several may have been deleted since.
    return try identifiers.compactMap { identifier in
      guard let id = identifier.stringValue.flatMap({ JobID($0) }) else { return nil }
      do {
        return try load(id).job
      } catch StoreError.notFound {
        return nil
      }
    }
  }

  private func insert(_ newJob: NewJob) throws -> JobRow {
    var needs: [JobRow] = []
    for id in newJob.after {
      do {
        needs.append(try load(id))
      } catch StoreError.notFound {
        throw StoreError.unknownDependency(id)
      }
    }
    let cause = needs.first { [.failed, .cancelled].contains($0.job.state.name) }
    var job = Job(
      id: newJob.id, kind: newJob.kind, name: newJob.name, state: .queued(attempt: 0),
      priority: newJob.priority, tags: newJob.tags, spec: newJob.spec, slot: newJob.slot,
      maxAttempts: newJob.maxAttempts, after: newJob.after, createdAt: now, queuedAt: now)
    if let cause {
      job.state = .cancelled(attempt: 0)
      job.problem = cause.job.asCauseOfCancellation
      job.queuedAt = nil
      job.finishedAt = now
    } else if needs.contains(where: { !$0.job.state.isFinal }) {
      job.state = .waiting(attempt: 0)
      job.queuedAt = nil
    }
    return try insert(job, needs: Set(needs.map(\.number)))
  }

  private func insert(_ job: Job, needs: Set<Int64>) throws -> JobRow {
    let tags = JSONObject(job.tags.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
    do {
      try run(
        Query.insertJob,
        [
          job.id.text, job.kind.rawValue, job.name, job.state.name.rawValue, job.priority,
          job.slot.rawValue, JSONValue.object(tags).text, job.spec.text,
          JSONValue.array(job.after.map { .string($0.text) }).text, job.maxAttempts,
          job.problem?.json.text, job.createdAt.milliseconds, job.queuedAt?.milliseconds,
          job.finishedAt?.milliseconds,
        ])
    } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
      throw StoreError.duplicateJob(job.id)
    }
    let number = database.lastInsertedRowID
    for need in needs { try run(Query.insertDependency, [number, need]) }
    for (key, value) in job.tags { try run(Query.insertTag, [key, value, job.id.text]) }
    try run(
      Query.insertEvent,
      [
        number, 1, now.milliseconds, JobEvent.Kind.state.rawValue, job.stateEventData.text,
      ])
    changes.append(JobChange(id: job.id, version: 1, kind: .state(job.state.name)))
    return JobRow(number: number, job: job, failures: 0, losses: 0)
  }
}
