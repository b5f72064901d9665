internal import GRDB
package import Jobs

extension JobStore {
  /// The order of a list of jobs.
  package enum Order: Sendable {
    case newestFirst, oldestFirst
  }

  /// Which jobs a list shows: those that fit everything that is said.
  package struct JobFilter: Equatable, Sendable {
    package var kind: JobKind?
    package var state: JobState.Name?
    package var tag: Tag?

    /// A label; any value when none is said.
    package struct Tag: Equatable, Sendable {
      package var key: String
      package var value: String?

      /// - Parameters: as the properties.
      package init(key: String, value: String? = nil) {
        self.key = key
        self.value = value
      }
    }

    /// - Parameters: as the properties.
    package init(kind: JobKind? = nil, state: JobState.Name? = nil, tag: Tag? = nil) {
      self.kind = kind
      self.state = state
      self.tag = tag
    }
  }

  /// One page of a list.
  package struct JobPage: Equatable, Sendable {
    package let jobs: [Job]
    /// Where the next page goes on; nil when there is none.
    package let next: JobID?
  }

  /// How many jobs of one kind are in one state.
  package struct JobCount: Equatable, Sendable {
    package let kind: JobKind
    package let state: JobState.Name
    package let count: Int
  }

  /// A job with its artifacts.
  ///
  /// - Throws: `.notFound`.
  package func job(_ id: JobID) throws(StoreError) -> Job {
    try read { database in
      let statement = try database.cachedStatement(sql: Query.jobByID)
      guard let row = try Row.fetchOne(statement, arguments: [id.text]) else {
        throw StoreError.notFound(id.text)
      }
      return try Self.withArtifacts(try JobRow(row), database)
    }
  }

  /// A page of jobs, ordered by identifier, which is the order in which they were made.
  ///
  /// - Parameters:
  ///   - after: the last job of the page before; it need not exist any more.
  ///   - limit: 1 or more.
  package func jobs(
    _ filter: JobFilter = JobFilter(), order: Order = .newestFirst, after: JobID? = nil, limit: Int
  ) throws(StoreError) -> JobPage {
    precondition(limit >= 1, "a page holds at least one job")
    return try read { database in
      let rows = try Self.page(
        filter, order, after, limit: limit, columns: Query.jobColumns, database)
      let jobs = try rows.prefix(limit).map { try Self.withArtifacts(try JobRow($0), database) }
      return JobPage(jobs: jobs, next: rows.count > limit ? jobs.last?.id : nil)
    }
  }

  /// The identifiers of the same page, for a reader that knows most of its jobs already.
  package func jobIDs(
    _ filter: JobFilter = JobFilter(), order: Order = .newestFirst, after: JobID? = nil, limit: Int
  ) throws(StoreError) -> (ids: [JobID], next: JobID?) {
    precondition(limit >= 1, "a page holds at least one job")
    return try read { database in
      let rows = try Self.page(filter, order, after, limit: limit, columns: "job.id", database)
      let ids = rows.prefix(limit).compactMap { JobID($0[0] as String) }
      return (ids, rows.count > limit ? ids.last : nil)
    }
  }

  /// The rows of a page, and one more when there is a next page.
  private static func page(
    _ filter: JobFilter, _ order: Order, _ after: JobID?, limit: Int, columns: String,
    _ database: Database
  ) throws -> [Row] {
    // Beyond every identifier: "~" comes after all that base 32 uses.
    let start = after?.text ?? (order == .newestFirst ? "job_~" : "")
    let path = try path(filter, database)
    let statement = try database.cachedStatement(
      sql: Query.jobs(filter, order, by: path, columns: columns))
    let arguments: [(any DatabaseValueConvertible)?] = [
      start, limit + 1, filter.kind?.rawValue, filter.state?.rawValue, filter.tag?.key,
      filter.tag?.value,
    ]
    // A statement takes as many arguments as the highest number that it uses.
    return try Row.fetchAll(
      statement, arguments: StatementArguments(arguments.prefix(filter.argumentCount)))
  }

  /// A rare tag is the best way to the jobs that have it. A frequent one is not when a kind or a
  /// state is asked for as well, which few of those jobs may have.
  private static func path(_ filter: JobFilter, _ database: Database) throws -> Query.PagePath {
    guard let tag = filter.tag else { return .job }
    if filter.kind == nil, filter.state == nil { return .tag }
    let bound = 1000
    let count = try Int.fetchOne(
      database, sql: Query.tagCount(tag), arguments: [tag.key, tag.value ?? "", bound])
    return count ?? 0 < bound ? .tag : .job
  }

  /// How many jobs there are, by kind and state; none means no entry. Costs the same for any number.
  package func jobCounts() throws(StoreError) -> [JobCount] {
    try read { database in
      try Row.fetchAll(database, sql: Query.jobCounts).compactMap { row in
        guard let kind = JobKind(rawValue: row[0]), let state = JobState.Name(rawValue: row[1])
        else { return nil }
        return JobCount(kind: kind, state: state, count: row[2])
      }
    }
  }

  /// What happened to a job after its event number `sequence` (0 for all), oldest first.
  ///
  /// - Throws: `.notFound`.
  package func events(
    of id: JobID, after sequence: Int64, limit: Int
  ) throws(StoreError) -> [JobEvent] {
    try events(Query.events, of: id, after: sequence, limit: limit)
  }

  /// A job's log lines after its event number `sequence` (0 for all), oldest first.
  ///
  /// - Throws: `.notFound`.
  package func logs(
    of id: JobID, after sequence: Int64, limit: Int
  ) throws(StoreError) -> [JobEvent] {
    try events(Query.logs, of: id, after: sequence, limit: limit)
  }

  private func events(
    _ sql: String, of id: JobID, after sequence: Int64, limit: Int
  ) throws(StoreError) -> [JobEvent] {
    try read { database in
      let number = try Self.number(of: id, database)
      let statement = try database.cachedStatement(sql: sql)
      return try Row.fetchAll(statement, arguments: [number, sequence, limit]).map { row in
        guard let type = JobEvent.Kind(rawValue: row[2]) else {
          throw StoreError.damaged("event of \(id)")
        }
        return JobEvent(
          sequence: row[0], time: Timestamp(milliseconds: row[1]), type: type,
          data: try JSONValue(stored: row[3]))
      }
    }
  }

  /// The number by which other tables name the job.
  static func number(of id: JobID, _ database: Database) throws -> Int64 {
    let statement = try database.cachedStatement(sql: Query.jobNumber)
    guard let number = try Int64.fetchOne(statement, arguments: [id.text]) else {
      throw StoreError.notFound(id.text)
    }
    return number
  }

  static func withArtifacts(_ row: JobRow, _ database: Database) throws -> Job {
    var job = row.job
    let statement = try database.cachedStatement(sql: Query.artifactsOfJob)
    job.artifacts = try Row.fetchAll(statement, arguments: [row.number]).map { Artifact($0) }
    return job
  }
}

extension JobStore.JobFilter {
  /// The highest number of an argument that `Query.jobs` uses.
  fileprivate var argumentCount: Int {
    if let tag { return tag.value == nil ? 5 : 6 }
    return state != nil ? 4 : kind != nil ? 3 : 2
  }
}

extension Artifact {
  /// - Parameter row: the columns of `Query.artifactColumns`, in their order.
  init(_ row: Row) {
    self.init(
      name: row[0], path: row[1], bytes: row[2], sha256: row[3], mediaType: row[4],
      createdAt: Timestamp(milliseconds: row[5]))
  }
}
