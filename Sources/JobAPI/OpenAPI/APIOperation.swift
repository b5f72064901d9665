// Every operation of the API, once: the router, the Allow header, the scopes, the OpenAPI
// document and the test that drives every route all read this table.

package import Jobs

/// One method on one path.
package enum APIOperation: String, CaseIterable, Sendable {
  case live, ready, health, metrics, openAPI
  case listJobs, submitJob, showJob, deleteJob, cancelJob, retryJob
  case jobEvents, jobMetrics, jobLogs, jobHealth, listArtifacts, downloadArtifact
  case submitPipeline
  case importTraces, listTraces, showTraces, traceRows
  case importModel, listModels, showModel
  case listTeachers, probeTeacher
  case complete, chat, listServedModels

  /// What is known about it.
  package var description: OperationDescription { Self.descriptions[self] ?? described }

  // Made once: every request asks.
  private static let descriptions = Dictionary(
    uniqueKeysWithValues: allCases.map { ($0, $0.described) })

  /// Whether its errors have the form that OpenAI's clients expect.
  package var isOpenAI: Bool {
    switch self {
    case .complete, .chat, .listServedModels: true
    default: false
    }
  }

  private var described: OperationDescription {
    switch self {
    case .live:
      OperationDescription(
        .get, "/livez", "Whether the process answers.", access: .everyone,
        success: .text("It does."))
    case .ready:
      OperationDescription(
        .get, "/readyz", "Whether jobs can be taken and done: 503 names the failing check.",
        access: .everyone, success: .json(Wire.reference("Readiness"), "They can."),
        problems: [.notAvailable])
    case .health:
      OperationDescription(
        .get, "/v1/health", "The daemon, its jobs and its machine.",
        success: .json(Wire.reference("Health"), "The daemon's health."))
    case .metrics:
      OperationDescription(
        .get, "/metrics", "Counters and gauges for Prometheus.",
        success: .text("Prometheus text format."))
    case .openAPI:
      OperationDescription(
        .get, "/openapi.json", "This document.", access: .everyone,
        success: .json(Wire.object, "OpenAPI 3.1."))
    case .listJobs:
      OperationDescription(
        .get, "/v1/jobs", "Jobs, the newest first.", query: JobListQuery.table.queryParameters,
        success: .json(ListWire.pageSchema(of: "Job"), "A page of jobs."),
        problems: [.invalidParameter])
    case .submitJob:
      OperationDescription(
        .post, "/v1/jobs", "Submits a job.", access: .submit, body: Wire.reference("JobRequest"),
        headers: [.idempotencyKey],
        success: .json(
          Wire.reference("Job"), "The job. 200 when the same key and body came before.",
          status: 201),
        problems: [.malformedRequest, .invalidBody, .idempotencyKeyReused])
    case .showJob:
      OperationDescription(
        .get, "/v1/jobs/{id}", "A job, now or at its next change of state.",
        query: JobQuery.table.queryParameters, headers: [.ifNoneMatch],
        success: .json(Wire.reference("Job"), "The job."),
        problems: [.notFound, .invalidParameter])
    case .deleteJob:
      OperationDescription(
        .delete, "/v1/jobs/{id}", "Deletes a job that has ended.", access: .submit,
        query: DeletionQuery.table.queryParameters, success: .none("It is gone.", status: 204),
        problems: [.notFound, .jobIsNotFinal])
    case .cancelJob:
      OperationDescription(
        .post, "/v1/jobs/{id}/cancel",
        "Stops a job at its next step boundary, with a checkpoint kept.", access: .submit,
        success: .json(Wire.reference("Job"), "It will stop.", status: 202),
        problems: [.notFound, .jobIsFinal])
    case .retryJob:
      OperationDescription(
        .post, "/v1/jobs/{id}/retry", "Lets a failed or cancelled job go on where it stopped.",
        access: .submit, success: .json(Wire.reference("Job"), "It goes on.", status: 202),
        problems: [.notFound, .jobIsNotFinal])
    case .jobEvents:
      OperationDescription(
        .get, "/v1/jobs/{id}/events",
        "Server-sent events: state, progress, metric, log, artifact. Ends after the final state.",
        query: EventsQuery.table.queryParameters, headers: [.lastEventID],
        success: .events("What happened and happens."), problems: [.notFound, .invalidParameter])
    case .jobMetrics:
      OperationDescription(
        .get, "/v1/jobs/{id}/metrics", "Series of numbers, thinned without hiding spikes.",
        query: MetricsQuery.table.queryParameters,
        success: .json(Wire.reference("MetricSeries"), "The series by name."),
        problems: [.notFound, .invalidParameter])
    case .jobLogs:
      OperationDescription(
        .get, "/v1/jobs/{id}/logs", "Log lines: JSON lines, or text where that is accepted.",
        query: LogsQuery.table.queryParameters,
        success: .lines(Wire.reference("LogLine"), "The lines, oldest first."),
        problems: [.notFound, .invalidParameter])
    case .jobHealth:
      OperationDescription(
        .get, "/v1/jobs/{id}/health", "A job's own health, as its runner last said it.",
        success: .json(Wire.object, "By kind; empty before the runner's first word."),
        problems: [.notFound])
    case .listArtifacts:
      OperationDescription(
        .get, "/v1/jobs/{id}/artifacts", "Files that a job left.",
        success: .json(ListWire.pageSchema(of: "Artifact"), "All of them."),
        problems: [.notFound])
    case .downloadArtifact:
      OperationDescription(
        .get, "/v1/jobs/{id}/artifacts/{name}", "A file that a job left, or a range of it.",
        headers: [.range, .ifNoneMatch], success: .file("The file."),
        problems: [.notFound, .rangeNotSatisfiable])
    case .submitPipeline:
      OperationDescription(
        .post, "/v1/pipelines", "Submits a chain of jobs from a teacher to a judged student.",
        access: .submit, body: Wire.reference("PipelineRequest"), headers: [.idempotencyKey],
        success: .json(
          Wire.reference("Pipeline"), "Its jobs. 200 when the same key and body came before.",
          status: 201),
        problems: [.malformedRequest, .invalidBody, .idempotencyKeyReused])
    case .listTraces:
      OperationDescription(
        .get, "/v1/traces", "Sets of traces, the newest first.",
        query: TraceListQuery.table.queryParameters,
        success: .json(ListWire.pageSchema(of: "Traces"), "A page of sets."),
        problems: [.invalidParameter])
    case .showTraces:
      OperationDescription(
        .get, "/v1/traces/{id}", "A set of traces.",
        success: .json(Wire.reference("Traces"), "The set."), problems: [.notFound])
    case .traceRows:
      OperationDescription(
        .get, "/v1/traces/{id}/rows", "A look into a set: token texts, candidates, other mass.",
        query: TraceRowsQuery.table.queryParameters,
        success: .json(ListWire.pageSchema(of: "TraceRow"), "Rows of one sequence."),
        problems: [.notFound, .invalidParameter, .notAvailable])
    case .importTraces:
      OperationDescription(
        .post, "/v1/traces/import", "Takes over traces that another program wrote.",
        access: .submit, body: Wire.reference("TraceImport"),
        success: .json(Wire.reference("Traces"), "The set of traces.", status: 201),
        problems: [.malformedRequest, .invalidBody])
    case .importModel:
      OperationDescription(
        .post, "/v1/models/import", "Makes a checkpoint directory known.", access: .submit,
        body: Wire.reference("ModelImport"),
        success: .json(Wire.reference("Model"), "The model.", status: 201),
        problems: [.malformedRequest, .invalidBody])
    case .listModels:
      OperationDescription(
        .get, "/v1/models", "Models, the newest first.",
        query: ModelListQuery.table.queryParameters,
        success: .json(ListWire.pageSchema(of: "Model"), "A page of models."),
        problems: [.invalidParameter])
    case .showModel:
      OperationDescription(
        .get, "/v1/models/{id}", "A model.",
        success: .json(Wire.reference("Model"), "The model."), problems: [.notFound])
    case .listTeachers:
      OperationDescription(
        .get, "/v1/teachers", "Providers of hosted teachers, as far as they are known.",
        success: .json(ListWire.pageSchema(of: "TeacherProvider"), "All of them."))
    case .probeTeacher:
      OperationDescription(
        .post, "/v1/teachers/probe",
        "Tries a hosted teacher with a few short requests, which may cost a little.",
        access: .submit, body: Wire.reference("TeacherProbeRequest"),
        success: .json(Wire.reference("TeacherProbe"), "What it can do."),
        problems: [.malformedRequest, .invalidBody, .teacherFailed])
    case .complete:
      OperationDescription(
        .post, "/v1/completions", "Goes on with a text (OpenAI's endpoint).", access: .submit,
        body: Wire.reference("CompletionRequest"),
        success: .answer(Wire.reference("Completion"), "The answers, whole or as events."),
        problems: [
          .malformedRequest, .contextLengthExceeded, .notFound, .invalidBody, .queueIsFull,
          .notAvailable,
        ])
    case .chat:
      OperationDescription(
        .post, "/v1/chat/completions", "Answers a chat (OpenAI's endpoint).", access: .submit,
        body: Wire.reference("ChatRequest"),
        success: .answer(Wire.reference("ChatCompletion"), "The answers, whole or as events."),
        problems: [
          .malformedRequest, .contextLengthExceeded, .notFound, .invalidBody, .queueIsFull,
          .notAvailable,
        ])
    case .listServedModels:
      OperationDescription(
        .get, "/v1/openai/models", "Models that answer, in OpenAI's form.",
        success: .json(Wire.reference("ServedModels"), "All of them, the newest first."))
    }
  }
}

/// What is known about an operation.
package struct OperationDescription: Sendable {
  package let method: Method
  /// `{id}` stands for one segment; a `{name}` at the end for all that are left.
  package let path: String
  package let summary: String
  package let access: Access
  /// Query parameters, as OpenAPI describes them.
  package let query: [JSONValue]
  /// The schema of the JSON body; nil when there is none.
  package let body: JSONValue?
  package let headers: [RequestHeader]
  package let success: SuccessfulAnswer
  /// Problems that belong to this operation; every one can meet the general ones too.
  package let problems: [ProblemKind]

  init(
    _ method: Method, _ path: String, _ summary: String, access: Access = .read,
    query: [JSONValue] = [], body: JSONValue? = nil, headers: [RequestHeader] = [],
    success: SuccessfulAnswer, problems: [ProblemKind] = []
  ) {
    self.method = method
    self.path = path
    self.summary = summary
    self.access = access
    self.query = query
    self.body = body
    self.headers = headers
    self.success = success
    self.problems = problems
  }

  /// Methods of the API; HEAD is answered wherever GET is.
  package enum Method: String, Sendable {
    case get = "GET"
    case post = "POST"
    case delete = "DELETE"
  }

  /// Who may ask.
  package enum Access: Sendable {
    /// Needs no token, so that probes work.
    case everyone
    case read
    /// Changes something.
    case submit
  }
}

/// Headers that operations read.
package enum RequestHeader: String, Sendable {
  case idempotencyKey = "Idempotency-Key"
  case ifNoneMatch = "If-None-Match"
  case lastEventID = "Last-Event-ID"
  case range = "Range"

  var documentation: String {
    switch self {
    case .idempotencyKey:
      "Repeats of a request with the same key and body answer the first one's jobs."
    case .ifNoneMatch: "The ETag that is known: 304 when nothing has changed."
    case .lastEventID: "Number of the last event that is known."
    case .range: "`bytes=` and one range: 206 with that part."
    }
  }
}

/// The answer of an operation that went well.
package struct SuccessfulAnswer: Sendable {
  package let status: Int
  package let summary: String
  /// Media types and the schemas of their content.
  package let content: [(mediaType: String, schema: JSONValue)]

  static func json(_ schema: JSONValue, _ summary: String, status: Int = 200) -> SuccessfulAnswer {
    SuccessfulAnswer(
      status: status, summary: summary, content: [("application/json", schema)])
  }

  /// JSON, or server-sent events where the request asks for a stream.
  static func answer(_ schema: JSONValue, _ summary: String) -> SuccessfulAnswer {
    SuccessfulAnswer(
      status: 200, summary: summary,
      content: [("application/json", schema), ("text/event-stream", Wire.text)])
  }

  static func text(_ summary: String) -> SuccessfulAnswer {
    SuccessfulAnswer(status: 200, summary: summary, content: [("text/plain", Wire.text)])
  }

  static func events(_ summary: String) -> SuccessfulAnswer {
    SuccessfulAnswer(status: 200, summary: summary, content: [("text/event-stream", Wire.text)])
  }

  static func lines(_ schema: JSONValue, _ summary: String) -> SuccessfulAnswer {
    SuccessfulAnswer(
      status: 200, summary: summary,
      content: [("application/x-ndjson", schema), ("text/plain", Wire.text)])
  }

  static func file(_ summary: String) -> SuccessfulAnswer {
    SuccessfulAnswer(
      status: 200, summary: summary, content: [("application/octet-stream", [:])])
  }

  static func none(_ summary: String, status: Int) -> SuccessfulAnswer {
    SuccessfulAnswer(status: status, summary: summary, content: [])
  }
}
