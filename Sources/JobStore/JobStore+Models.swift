internal import GRDB
package import Jobs

extension JobStore {
  /// Adds a model that is on the disk; the same identifier again replaces what is said about it.
  package func addModel(_ model: ModelRecord) throws(StoreError) {
    try writer.perform { try $0.put(model, madeBy: model.jobID) }
  }

  /// A model by its identifier.
  ///
  /// - Throws: `.notFound`.
  package func model(_ id: ModelID) throws(StoreError) -> ModelRecord {
    try model(Query.modelByID, id.text)
  }

  /// The last model that a job made.
  ///
  /// - Throws: `.notFound`.
  package func model(madeBy id: JobID) throws(StoreError) -> ModelRecord {
    try model(Query.modelByJob, id.text)
  }

  /// A model by `mdl_…`, or by the `job_…` that made it.
  ///
  /// - Throws: `.notFound`, also for what is no identifier.
  package func model(reference: String) throws(StoreError) -> ModelRecord {
    if let id = ModelID(reference) { return try model(id) }
    if let id = JobID(reference) { return try model(madeBy: id) }
    throw .notFound(reference)
  }

  /// The newest model of that name; nil when there is none.
  package func model(named name: String) throws(StoreError) -> ModelRecord? {
    try read { database in
      try Row.fetchOne(database, sql: Query.modelByName, arguments: [name]).map {
        try ModelRecord($0)
      }
    }
  }

  /// Models, newest first.
  ///
  /// - Parameters:
  ///   - after: the last model of the page before.
  ///   - limit: 1 or more.
  package func models(after: ModelID? = nil, limit: Int) throws(StoreError) -> [ModelRecord] {
    try read { database in
      let arguments: StatementArguments = [after?.text ?? "mdl_~", limit]
      return try Row.fetchAll(database, sql: Query.models, arguments: arguments)
        .map { try ModelRecord($0) }
    }
  }

  /// Forgets a model. Its files are the caller's to delete, after this.
  ///
  /// - Throws: `.notFound`.
  package func deleteModel(_ id: ModelID) throws(StoreError) {
    try writer.perform { transaction in
      guard try transaction.run(Query.deleteModel, [id.text]) == 1 else {
        throw StoreError.notFound(id.text)
      }
    }
  }

  private func model(_ sql: String, _ identifier: String) throws(StoreError) -> ModelRecord {
    try read { database in
      guard let row = try Row.fetchOne(database, sql: sql, arguments: [identifier]) else {
        throw StoreError.notFound(identifier)
      }
      return try ModelRecord(row)
    }
  }
}

extension ModelRecord {
  /// - Parameter row: the columns of `Query.modelColumns`, in their order.
  fileprivate init(_ row: Row) throws {
    guard let id = ModelID(row[0] as String) else { throw StoreError.damaged("model row") }
    self.init(
      id: id, jobID: (row[1] as String?).flatMap { JobID($0) }, name: row[2], format: row[3],
      path: row[4], configuration: try JSONValue(stored: row[5]), parameterCount: row[6],
      bytes: row[7], fingerprint: row[8], createdAt: Timestamp(milliseconds: row[9]))
  }
}

extension Transaction {
  func put(_ model: ModelRecord, madeBy job: JobID?) throws {
    try run(
      Query.putModel,
      [
        model.id.text, job?.text, model.name, model.format, model.path, model.configuration.text,
        model.parameterCount, model.bytes, model.fingerprint, model.createdAt.milliseconds,
      ])
  }
}
