// The HTTP API: from a request to the operation that answers it.
//
//   HTTPServer ─▶ APIRoutes.handle ─▶ RequestGuard ─▶ one method per operation ─▶ HTTPResponse
//
// A method returns its answer, or nil when it answers later through the call, or throws: what is
// thrown becomes a problem in ErrorResponses.swift and nowhere else.

internal import Dispatch
package import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Logging

/// Answers every request of the API.
package final class APIRoutes: Sendable {
  let services: ServerServices
  let cache: JobCache
  let watchers = JobWatchers()
  let pages: EventPages
  let traffic = Traffic()
  let readiness: ReadinessCheck
  let document: [UInt8]
  /// Encodes answers that the store's writer would otherwise have to wait for.
  let answers = DispatchQueue(label: "bitnetd.answers")
  /// Waits for hosted teachers that are tried, a few at a time.
  let probes = DispatchQueue(label: "bitnetd.probes")
  private let table = RouteTable()
  private let guardian: RequestGuard
  private let observer: ObserverID

  /// Routes over these services, which listen to the store's changes from now on.
  package init(services: ServerServices) {
    self.services = services
    let cache = JobCache(store: services.store)
    self.cache = cache
    pages = EventPages(store: services.store)
    readiness = ReadinessCheck(services: services)
    document = OpenAPIDocument.json(version: services.version).bytes
    guardian = RequestGuard(tokenHash: services.tokenHash, hostNames: services.hostNames)
    observer = services.store.observe { [watchers] changes in
      // First the cache: who is woken asks it.
      cache.forget(changes)
      watchers.tell(changes)
    }
  }

  deinit { services.store.removeObserver(observer) }

  /// The server's handler.
  package func handle(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    do {
      try guardian.checkHost(request)
      switch table.match(method: request.method, path: request.path) {
      case .found(let operation, let parameters):
        let call = Call(
          request, exchange, operation: operation, parameters: parameters, traffic: traffic)
        handle(call)
      case .otherMethods(let methods):
        var response = HTTPResponse(
          ProblemKind.methodNotAllowed.problem("allowed: \(methods.joined(separator: ", "))"),
          path: request.rawPath)
        response.headers.append(("Allow", methods.joined(separator: ", ")))
        exchange.respond(response)
      case .nothing:
        throw ProblemKind.notFound.problem("the API is described at /openapi.json")
      }
    } catch {
      exchange.respond(HTTPResponse(error, path: request.rawPath))
    }
  }

  private func handle(_ call: Call) {
    do {
      try guardian.check(call.request, for: call.operation)
      if let response = try answer(call) { call.respond(response) }
    } catch {
      if Problem(error).status == 500 {
        services.logger.error(
          "request failed",
          metadata: ["operation": "\(call.operation)", "error": "\(error)"])
      }
      call.respond(error)
    }
  }

  private func answer(_ call: Call) throws -> HTTPResponse? {
    switch call.operation {
    case .live: .text("ok\n")
    case .ready: ready()
    case .health: try health()
    case .metrics: try metrics()
    case .openAPI:
      HTTPResponse(
        status: 200, headers: [("Content-Type", "application/json")], bytes: document)
    case .listJobs: try listJobs(call)
    case .submitJob: try submitJob(call)
    case .showJob: try showJob(call)
    case .deleteJob: try deleteJob(call)
    case .cancelJob: try cancelJob(call)
    case .retryJob: try retryJob(call)
    case .jobEvents: try jobEvents(call)
    case .jobMetrics: try jobMetrics(call)
    case .jobLogs: try jobLogs(call)
    case .jobHealth: try jobHealth(call)
    case .listArtifacts: try listArtifacts(call)
    case .downloadArtifact: try downloadArtifact(call)
    case .submitPipeline: try submitPipeline(call)
    case .listTraces: try listTraces(call)
    case .showTraces: try showTraces(call)
    case .traceRows: try traceRows(call)
    case .importTraces: try importTraces(call)
    case .importModel: try importModel(call)
    case .listModels: try listModels(call)
    case .showModel: try showModel(call)
    case .listTeachers: try listTeachers(call)
    case .probeTeacher: try probeTeacher(call)
    case .complete: try complete(call)
    case .chat: try chat(call)
    case .listServedModels: try listServedModels(call)
    }
  }
}
