// The only place that knows both the errors of the modules below and the statuses of HTTP.

internal import HTTPServer
internal import JobAPI
internal import JobStore
internal import Jobs

extension HTTPResponse {
  /// The answer that tells an error.
  ///
  /// - Parameter path: what was asked for, undecoded.
  init(_ error: any Error, path: String) {
    var problem = Problem(error)
    problem.instance = path
    var headers = [(name: "Content-Type", value: "application/problem+json")]
    headers += Self.advice(problem.status)
    self.init(status: problem.status, headers: headers, bytes: problem.json.bytes)
  }

  /// The same in the form that OpenAI's clients expect.
  init(openAI error: any Error) {
    let problem = Problem(error)
    // What we call a wrong body, OpenAI calls a bad request.
    let status = problem.status == ProblemKind.invalidBody.status ? 400 : problem.status
    self.init(
      status: status, headers: [("Content-Type", "application/json")] + Self.advice(status),
      bytes: OpenAIWire.error(problem).bytes)
  }

  private static func advice(_ status: Int) -> [(name: String, value: String)] {
    switch status {
    case 401: [("WWW-Authenticate", "Bearer")]
    case 429, 503: [("Retry-After", "1")]
    default: []
    }
  }
}

extension Problem {
  /// The problem that an error is for a client.
  init(_ error: any Error) {
    switch error {
    // A job's problem, which has no status, can surface in a request that looks ahead.
    case let problem as Problem where problem.status == 0:
      self = problem
      status = ProblemKind.invalidBody.status
    case let problem as Problem: self = problem
    case let error as StoreError: self.init(error)
    default:
      // What it says may hold paths or values; the log has it.
      self = ProblemKind.internalError.problem("an unexpected error, which the log names")
    }
  }

  private init(_ error: StoreError) {
    switch error {
    case .notFound(let reference):
      self = ProblemKind.notFound.problem("there is no \(reference)")
    case .illegal(let id, let transition):
      let state = transition.state
      self =
        state.isFinal
        ? ProblemKind.jobIsFinal.problem("\(id.text) has \(state.name.rawValue)")
        : ProblemKind.jobIsNotFinal.problem("\(id.text) is \(state.name.rawValue)")
    case .notFinal(let id, let state):
      self = ProblemKind.jobIsNotFinal.problem("\(id.text) is \(state.rawValue)")
    case .blocked(let id, let other, let state):
      self = ProblemKind.jobIsNeeded.problem(
        "\(id.text) comes after \(other.text), which is \(state.rawValue); retry that first")
    case .idempotencyConflict(let key):
      self = ProblemKind.idempotencyKeyReused.problem(
        "the key \"\(key)\" came before with another body")
    case .unknownDependency(let id):
      self = ProblemKind.invalidBody.problem(
        "/after: there is no \(id.text)",
        errors: [FieldError(pointer: "/after", detail: "there is no \(id.text)")])
    case .busy: self = ProblemKind.notAvailable.problem("the database is busy")
    case .diskFull: self = ProblemKind.notAvailable.problem("the disk is full")
    case .unavailable, .damaged, .foreignDatabase, .newerDatabase, .folderInUse:
      self = ProblemKind.notAvailable.problem("the database cannot be used; the log says why")
    case .duplicateJob, .superseded, .constraintViolated:
      self = ProblemKind.internalError.problem("the database refused what the daemon asked for")
    }
  }
}
