internal import GRDB
internal import Jobs

/// A job with what only the store needs to know.
struct JobRow {
  /// The row's number, by which other tables name the job.
  let number: Int64
  /// Without artifacts.
  var job: Job
  /// Attempts that failed since it was submitted or retried by a person.
  var failures: Int
  /// Attempts in a row that were lost with their process and had recorded no checkpoint.
  var losses: Int
}

extension JobRow {
  /// - Parameter row: the columns of `Query.jobColumns`, in their order.
  /// - Throws: `.damaged` when the row holds what this program never writes.
  init(_ row: Row) throws {
    number = row[0]
    guard let id = JobID(row[1] as String), let kind = JobKind(rawValue: row[2]),
      let state = Self.state(row), let slot = JobSlot(rawValue: row[12])
    else { throw StoreError.damaged("job row \(number)") }
    let tags = try Self.json(row[9])?.objectValue ?? [:]
    let after = try Self.json(row[11])?.arrayValue ?? []
    job = Job(
      id: id, kind: kind, name: row[3], state: state, priority: row[8],
      tags: Dictionary(uniqueKeysWithValues: tags.map { ($0.0, $0.1.stringValue ?? "") }),
      spec: try Self.json(row[10]) ?? .null, slot: slot, maxAttempts: row[13],
      after: after.compactMap { $0.stringValue.flatMap { JobID($0) } },
      progress: try Self.json(row[14]).flatMap { Progress(json: $0) },
      result: try Self.json(row[15]), problem: try Self.json(row[16]).flatMap { Problem(json: $0) },
      health: try Self.json(row[17]), createdAt: Timestamp(milliseconds: row[18]),
      queuedAt: Self.time(row[19]), startedAt: Self.time(row[20]), finishedAt: Self.time(row[21]),
      notBefore: Self.time(row[22]), resumedFrom: row[23], checkpoint: row[24], version: row[25])
    failures = row[26]
    losses = row[27]
  }

  private static func state(_ row: Row) -> JobState? {
    let attempt: Int = row[5]
    switch JobState.Name(rawValue: row[4]) {
    case .waiting: return .waiting(attempt: attempt)
    case .queued: return .queued(attempt: attempt)
    case .running:
      guard let boot = row[6] as String? else { return nil }
      return .running(attempt: attempt, boot: BootID(boot), cancelRequested: row[7])
    case .succeeded: return .succeeded(attempt: attempt)
    case .failed: return .failed(attempt: attempt)
    case .cancelled: return .cancelled(attempt: attempt)
    case nil: return nil
    }
  }

  private static func json(_ text: String?) throws -> JSONValue? {
    try text.map { try JSONValue(stored: $0) }
  }

  private static func time(_ milliseconds: Int64?) -> Timestamp? {
    milliseconds.map { Timestamp(milliseconds: $0) }
  }
}

extension JSONValue {
  /// Reads what this program wrote into the database; the depth was bounded when it came in.
  ///
  /// - Throws: `.damaged`.
  init(stored text: String) throws(StoreError) {
    do {
      try self.init(parsing: text, depthMax: 1024)
    } catch {
      throw .damaged("stored JSON, \(error.detail)")
    }
  }
}
