internal import GRDB
package import Jobs

// What people ask of a job that exists.
extension JobStore {
  /// What goes with a job that is deleted.
  package enum DeletionExtent: Sendable {
    /// Models and traces that it made stay.
    case jobOnly
    /// Models and traces that it made go as well.
    case everything
  }

  /// Stops a job: at once when it waits or is queued, at its next step boundary when it runs.
  ///
  /// - Returns: the job as it is then; a running one still runs.
  /// - Throws: `.notFound`, `.illegal` when it is final.
  package func cancel(_ id: JobID) throws(StoreError) -> Job {
    try writer.perform { transaction in
      var row = try transaction.load(id)
      if case .running(_, _, cancelRequested: true) = row.job.state { return row.job }
      try transaction.move(&row, .cancelRequested)
      return try Self.withArtifacts(row, transaction.database)
    }
  }

  /// Lets a failed or cancelled job go on from its last checkpoint, with all its attempts anew.
  /// Jobs that were cancelled because of it wait for it again.
  ///
  /// - Throws: `.notFound`, `.illegal` when it is neither failed nor cancelled, `.blocked` when a
  ///   job that it comes after is.
  package func retry(_ id: JobID) throws(StoreError) -> Job {
    try writer.perform { transaction in
      var row = try transaction.load(id)
      try transaction.retry(&row)
      return try Self.withArtifacts(row, transaction.database)
    }
  }

  /// Forgets a final job with its events, metrics and artifacts.
  ///
  /// The files are the caller's to delete, after this: a file without a row is waste, a row
  /// without a file is a lie.
  ///
  /// - Returns: the paths of the files and folders that no row names any more.
  /// - Throws: `.notFound`, `.notFinal`.
  package func delete(_ id: JobID, _ extent: DeletionExtent) throws(StoreError) -> [String] {
    try writer.perform { transaction in
      let row = try transaction.load(id)
      guard row.job.state.isFinal else {
        throw StoreError.notFinal(id, row.job.state.name)
      }
      let database = transaction.database
      var paths = try Self.withArtifacts(row, database).artifacts.map(\.path)
      if extent == .everything {
        for sql in [Query.modelPathsOfJob, Query.tracePathsOfJob] {
          paths += try String.fetchAll(database, sql: sql, arguments: [row.number])
        }
        try transaction.run(Query.deleteModelsOfJob, [row.number])
        try transaction.run(Query.deleteTracesOfJob, [row.number])
      }
      try transaction.run(Query.deleteJob, [row.number])
      transaction.changes.append(
        JobChange(id: id, version: row.job.version + 1, kind: .deleted))
      return paths
    }
  }
}

extension Transaction {
  fileprivate func retry(_ row: inout JobRow) throws {
    let needs = try loadAll(Query.needs, [row.number]).map(\.job)
    if row.job.state.isFinal, row.job.state.name != .succeeded,
      let block = needs.first(where: { [.failed, .cancelled].contains($0.state.name) })
    {
      throw StoreError.blocked(row.job.id, by: block.id, block.state.name)
    }
    let waits = needs.contains { !$0.state.isFinal }
    try move(&row, .retried(waits: waits)) { row in
      row.failures = 0
      row.losses = 0
    }
    let followers = try loadAll(
      Query.cancelledFollowers, [row.number, row.job.id.text, Problem.dependencyFailedType])
    for var follower in followers {
      do {
        try retry(&follower)
      } catch StoreError.blocked {
        // It also comes after another one that failed; retrying that one brings it back.
      }
    }
  }
}
