internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

// Sets of traces.
extension APIRoutes {
  /// `POST /v1/traces/import`
  func importTraces(_ call: Call) throws -> HTTPResponse {
    let request = try call.body { json throws(SpecError) in try TraceImport.table.read(json) }
    let traces = try services.importTraces(request)
    return .json(
      TraceRecord.record.json(traces), status: 201,
      headers: [("Location", "/v1/traces/\(traces.id.text)")])
  }

  /// `GET /v1/traces`
  func listTraces(_ call: Call) throws -> HTTPResponse {
    let query = try call.query(TraceListQuery.table)
    // One more than the page tells whether there is a next one.
    let records = try services.store.traces(after: query.after, limit: query.limit + 1)
    let page = records.prefix(query.limit)
    return .json(
      ListWire.page(
        page.map { TraceRecord.record.json($0) },
        next: records.count > query.limit ? page.last?.id.text : nil))
  }

  /// `GET /v1/traces/{id}`
  func showTraces(_ call: Call) throws -> HTTPResponse {
    .json(TraceRecord.record.json(try traces(call)))
  }

  /// `GET /v1/traces/{id}/rows`
  func traceRows(_ call: Call) throws -> HTTPResponse {
    let traces = try traces(call)
    let query = try call.query(TraceRowsQuery.table)
    let location = try services.store.traceLocation(
      of: traces.id, sequence: Int64(query.sequence))
    let rowCount = Int(location.rows.rowCount)
    guard query.from < rowCount else { return .json(ListWire.page([], next: nil)) }
    let count = min(query.limit, rowCount - query.from)
    let rows = try services.traceRows(traces, location, query.from, count)
    let end = query.from + count
    return .json(
      ListWire.page(
        rows.map { TraceRow.record.json($0) }, next: end < rowCount ? "\(end)" : nil))
  }

  /// A set by its own name, or by the job that collects it.
  private func traces(_ call: Call) throws -> TraceRecord {
    let name = call.parameters[0]
    guard TraceReference(name) != nil else {
      throw ProblemKind.notFound.problem("there are no such traces")
    }
    return try services.store.trace(reference: name)
  }
}
