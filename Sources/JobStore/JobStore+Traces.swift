internal import GRDB
package import Jobs

extension JobStore {
  /// Adds a set of traces that was not collected here, without its shards.
  package func addTrace(_ trace: TraceRecord) throws(StoreError) {
    try writer.perform { try $0.put(trace, madeBy: trace.jobID) }
  }

  /// Adds a shard that is on the disk; the same number again replaces it.
  ///
  /// - Throws: `.notFound` when there is no such set.
  package func addTraceShard(_ shard: TraceShardRecord) throws(StoreError) {
    try writer.perform { try $0.put(shard) }
  }

  /// A set of traces by its identifier.
  ///
  /// - Throws: `.notFound`.
  package func trace(_ id: TraceID) throws(StoreError) -> TraceRecord {
    try trace(Query.traceByID, id.text)
  }

  /// The set of traces that a job collected, or is collecting.
  ///
  /// - Throws: `.notFound`.
  package func trace(madeBy id: JobID) throws(StoreError) -> TraceRecord {
    try trace(Query.traceByJob, id.text)
  }

  /// A set of traces by `trc_…`, or by the `job_…` that collected it.
  ///
  /// - Throws: `.notFound`, also for what is no identifier.
  package func trace(reference: String) throws(StoreError) -> TraceRecord {
    if let id = TraceID(reference) { return try trace(id) }
    if let id = JobID(reference) { return try trace(madeBy: id) }
    throw .notFound(reference)
  }

  /// Sets of traces, newest first.
  ///
  /// - Parameters:
  ///   - after: the last one of the page before.
  ///   - limit: 1 or more.
  package func traces(after: TraceID? = nil, limit: Int) throws(StoreError) -> [TraceRecord] {
    try read { database in
      let arguments: StatementArguments = [after?.text ?? "trc_~", limit]
      return try Row.fetchAll(database, sql: Query.traces, arguments: arguments)
        .map { try TraceRecord($0) }
    }
  }

  /// The shards of a set in their order, with where their sequences lie.
  ///
  /// - Throws: `.notFound`.
  package func traceShards(of id: TraceID) throws(StoreError) -> [TraceShardRecord] {
    try read { database in
      guard let trace = try Int64.fetchOne(database, sql: Query.traceNumber, arguments: [id.text])
      else { throw StoreError.notFound(id.text) }
      return try Row.fetchAll(database, sql: Query.shards, arguments: [trace]).map { row in
        let number: Int = row[0]
        let sequences = try Row.fetchAll(
          database, sql: Query.sequencesOfShard, arguments: [trace, number])
        return TraceShardRecord(
          traceID: id, number: number, path: row[1], bytes: row[2], sha256: row[3],
          sequences: sequences.map {
            TraceSequenceRows(sequence: $0[0], firstRow: $0[1], rowCount: $0[2])
          }, statistics: try JSONValue(stored: row[4]))
      }
    }
  }

  /// Where a sequence lies.
  ///
  /// - Throws: `.notFound` when the set or the sequence does not exist.
  package func traceLocation(
    of id: TraceID, sequence: Int64
  ) throws(StoreError) -> TraceLocation {
    try read { database in
      let row = try Row.fetchOne(
        database, sql: Query.traceLocation, arguments: [id.text, sequence])
      guard let row else { throw StoreError.notFound("\(id) sequence \(sequence)") }
      return TraceLocation(
        shard: row[0], path: row[1],
        rows: TraceSequenceRows(sequence: sequence, firstRow: row[2], rowCount: row[3]))
    }
  }

  /// Forgets a set of traces. Its files are the caller's to delete, after this.
  ///
  /// - Throws: `.notFound`.
  package func deleteTrace(_ id: TraceID) throws(StoreError) {
    try writer.perform { transaction in
      guard try transaction.run(Query.deleteTrace, [id.text]) == 1 else {
        throw StoreError.notFound(id.text)
      }
    }
  }

  private func trace(_ sql: String, _ identifier: String) throws(StoreError) -> TraceRecord {
    try read { database in
      guard let row = try Row.fetchOne(database, sql: sql, arguments: [identifier]) else {
        throw StoreError.notFound(identifier)
      }
      return try TraceRecord(row)
    }
  }
}

extension TraceRecord {
  /// - Parameter row: the columns of `Query.traceColumns`, in their order.
  fileprivate init(_ row: Row) throws {
    guard let id = TraceID(row[0] as String) else { throw StoreError.damaged("trace row") }
    self.init(
      id: id, jobID: (row[1] as String?).flatMap { JobID($0) }, name: row[2], path: row[3],
      metadata: try JSONValue(stored: row[4]), isComplete: row[5],
      createdAt: Timestamp(milliseconds: row[6]),
      totals: Totals(
        shardCount: row[7], sequenceCount: row[8], rowCount: row[9], bytes: row[10]))
  }
}

extension Transaction {
  func put(_ trace: TraceRecord, madeBy job: JobID?) throws {
    try run(
      Query.putTrace,
      [
        trace.id.text, job?.text, trace.name, trace.path, trace.metadata.text, trace.isComplete,
        trace.createdAt.milliseconds,
      ])
  }

  func put(_ shard: TraceShardRecord) throws {
    let statement = try database.cachedStatement(sql: Query.traceNumber)
    guard let trace = try Int64.fetchOne(statement, arguments: [shard.traceID.text]) else {
      throw StoreError.notFound(shard.traceID.text)
    }
    try run(Query.deleteShard, [trace, shard.number])
    try run(
      Query.insertShard,
      [
        trace, shard.number, shard.path, shard.bytes, shard.sha256, shard.sequences.count,
        shard.sequences.reduce(0) { $0 + $1.rowCount }, shard.statistics.text,
      ])
    for rows in shard.sequences {
      try run(
        Query.insertSequence, [trace, rows.sequence, shard.number, rows.firstRow, rows.rowCount])
    }
  }
}
