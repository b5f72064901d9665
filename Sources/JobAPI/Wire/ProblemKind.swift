package import Jobs

/// The kinds of problems that a request can meet: each has one type, title and HTTP status.
package enum ProblemKind: String, CaseIterable, Sendable {
  case malformedRequest = "malformed-request"
  case invalidParameter = "invalid-parameter"
  case contextLengthExceeded = "context_length_exceeded"
  case unauthorized
  case crossOrigin = "cross-origin"
  case notFound = "not-found"
  case methodNotAllowed = "method-not-allowed"
  case jobIsFinal = "job-is-final"
  case jobIsNotFinal = "job-is-not-final"
  case jobIsNeeded = "job-is-needed"
  case idempotencyKeyReused = "idempotency-key-reused"
  case bodyTooLarge = "body-too-large"
  case unsupportedMediaType = "unsupported-media-type"
  case rangeNotSatisfiable = "range-not-satisfiable"
  case misdirectedRequest = "misdirected-request"
  case invalidBody = "invalid-body"
  case teacherFailed = "teacher-failed"
  case queueIsFull = "queue-is-full"
  case internalError = "internal-error"
  case notAvailable = "not-available"

  /// The HTTP status.
  package var status: Int {
    switch self {
    case .malformedRequest, .invalidParameter, .contextLengthExceeded: 400
    case .unauthorized: 401
    case .crossOrigin: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .jobIsFinal, .jobIsNotFinal, .jobIsNeeded, .idempotencyKeyReused: 409
    case .bodyTooLarge: 413
    case .unsupportedMediaType: 415
    case .rangeNotSatisfiable: 416
    case .misdirectedRequest: 421
    case .invalidBody: 422
    case .queueIsFull: 429
    case .internalError: 500
    case .teacherFailed: 502
    case .notAvailable: 503
    }
  }

  /// The same words for every occurrence.
  package var title: String {
    switch self {
    case .malformedRequest: "The request is malformed"
    case .invalidParameter: "A parameter is invalid"
    case .contextLengthExceeded: "The prompt is longer than the model's context"
    case .unauthorized: "A valid token is needed"
    case .crossOrigin: "Pages of other origins may not do this"
    case .notFound: "There is nothing here"
    case .methodNotAllowed: "This method is not allowed here"
    case .jobIsFinal: "The job has ended"
    case .jobIsNotFinal: "The job has not ended"
    case .jobIsNeeded: "Other jobs need this one"
    case .idempotencyKeyReused: "The idempotency key belongs to another request"
    case .bodyTooLarge: "The body is too large"
    case .unsupportedMediaType: "The body must be application/json"
    case .rangeNotSatisfiable: "The range lies outside the file"
    case .misdirectedRequest: "This daemon does not answer to that host name"
    case .invalidBody: "The body is invalid"
    case .teacherFailed: "The hosted teacher cannot be used"
    case .queueIsFull: "Too many requests wait"
    case .internalError: "The daemon failed"
    case .notAvailable: "The daemon cannot do this now"
    }
  }

  /// A problem of this kind.
  ///
  /// - Parameters:
  ///   - detail: this occurrence, one sentence for a person.
  ///   - errors: the faults of the request.
  package func problem(_ detail: String, errors: [FieldError] = []) -> Problem {
    Problem(
      type: "urn:bitnet:problem:\(rawValue)", title: title, status: status, detail: detail,
      errors: errors)
  }
}
