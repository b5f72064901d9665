internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

// Models.
extension APIRoutes {
  /// `POST /v1/models/import`
  func importModel(_ call: Call) throws -> HTTPResponse {
    let request = try call.body { json throws(SpecError) in try ModelImport.table.read(json) }
    let model = try services.importModel(request)
    return .json(
      ModelRecord.record.json(model), status: 201,
      headers: [("Location", "/v1/models/\(model.id.text)")])
  }

  /// `GET /v1/models`
  func listModels(_ call: Call) throws -> HTTPResponse {
    let query = try call.query(ModelListQuery.table)
    let records = try services.store.models(after: query.after, limit: query.limit + 1)
    let page = records.prefix(query.limit)
    return .json(
      ListWire.page(
        page.map { ModelRecord.record.json($0) },
        next: records.count > query.limit ? page.last?.id.text : nil))
  }

  /// `GET /v1/models/{id}`
  func showModel(_ call: Call) throws -> HTTPResponse {
    let name = call.parameters[0]
    guard ModelReference(name) != nil else {
      throw ProblemKind.notFound.problem("there is no such model")
    }
    return .json(ModelRecord.record.json(try services.store.model(reference: name)))
  }
}
