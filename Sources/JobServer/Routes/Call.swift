internal import HTTPServer
internal import JobAPI
internal import Jobs

/// One request on its way to an answer.
struct Call: Sendable {
  let request: HTTPRequest
  let operation: APIOperation
  /// What stands in the path for `{id}` and the like.
  let parameters: [String]
  private let exchange: HTTPExchange
  private let traffic: Traffic

  init(
    _ request: HTTPRequest, _ exchange: HTTPExchange, operation: APIOperation, parameters: [String],
    traffic: Traffic
  ) {
    self.request = request
    self.exchange = exchange
    self.operation = operation
    self.parameters = parameters
    self.traffic = traffic
  }

  /// Answers, now or later, on any thread.
  func respond(_ response: HTTPResponse) {
    traffic.count(operation, status: response.status)
    exchange.respond(response.compressed(for: request))
  }

  /// Answers with what went wrong.
  func respond(_ error: any Error) {
    respond(
      operation.isOpenAI
        ? HTTPResponse(openAI: error) : HTTPResponse(error, path: request.rawPath))
  }

  /// Runs `action` once when the client leaves before it was answered; it is still to be answered.
  func whenClientGone(_ action: @escaping @Sendable () -> Void) {
    exchange.whenClientGone(action)
  }

  /// The job that the path names.
  ///
  /// - Throws: a 404 `Problem` when that is no identifier of a job.
  func jobID() throws(Problem) -> JobID {
    guard let id = JobID(parameters[0]) else {
      throw ProblemKind.notFound.problem("there is no such job")
    }
    return id
  }

  /// The query, read strictly.
  func query<Query: Sendable>(_ table: FieldTable<Query>) throws(Problem) -> Query {
    do {
      return try table.read(query: request.query)
    } catch {
      throw ProblemKind.invalidParameter.problem(Self.summary(error.fields), errors: error.fields)
    }
  }

  /// The JSON body.
  func body() throws(Problem) -> JSONValue {
    do {
      return try JSONValue(parsing: request.body)
    } catch {
      throw ProblemKind.malformedRequest.problem("the body is no JSON: \(error.detail)")
    }
  }

  /// The body, read strictly by `read`.
  func body<Value>(
    _ read: (JSONValue) throws(SpecError) -> Value
  ) throws(Problem) -> Value {
    let json = try body()
    do {
      return try read(json)
    } catch {
      throw Self.invalidBody(error.fields)
    }
  }

  /// Refuses a body where there is nothing to say.
  func expectNoBody() throws(Problem) {
    if request.body.isEmpty { return }
    _ = try body { json throws(SpecError) in try NoQuery.table.read(json) }
  }

  /// The problem of a body with these faults.
  static func invalidBody(_ faults: [FieldError]) -> Problem {
    // A megabyte of wrong elements would else make an answer of several.
    ProblemKind.invalidBody.problem(summary(faults), errors: Array(faults.prefix(faultCountMax)))
  }

  private static let faultCountMax = 200

  private static func summary(_ faults: [FieldError]) -> String {
    guard let first = faults.first else { return "it is not what is expected" }
    let place = first.pointer.isEmpty ? "the body" : first.pointer
    let others = faults.count == 1 ? "" : " (and \(faults.count - 1) more)"
    return "\(place): \(first.detail)\(others)"
  }
}

extension HTTPResponse {
  /// A JSON answer.
  static func json(
    _ json: JSONValue, status: Int = 200, headers: [(name: String, value: String)] = []
  ) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [("Content-Type", "application/json")] + headers,
      bytes: json.bytes)
  }

  /// A plain text answer.
  static func text(_ text: String, mediaType: String = "text/plain; charset=utf-8") -> HTTPResponse
  {
    HTTPResponse(
      status: 200, headers: [("Content-Type", mediaType)], bytes: Array(text.utf8))
  }
}

extension HTTPRequest {
  /// Whether the client already has what `tag` names.
  func knows(tag: String) -> Bool {
    guard let known = headers["if-none-match"] else { return false }
    if known == tag || known == "*" { return true }
    // For reads, weak tags compare like strong ones (RFC 9110, 13.1.2).
    return known.split(separator: ",").contains { item in
      let item = item.drop { $0 == " " }
      return (item.hasPrefix("W/") ? item.dropFirst(2) : item) == tag
    }
  }
}
