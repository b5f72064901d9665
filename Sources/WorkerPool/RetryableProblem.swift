package import Jobs

/// What a runner throws when another attempt could get through: a network that is down, a machine
/// that is short of memory. Everything else that it throws ends the job.
package struct RetryableProblem: Error, Equatable, Sendable {
  /// What went wrong.
  package let problem: Problem

  /// - Parameter problem: what went wrong.
  package init(_ problem: Problem) {
    self.problem = problem
  }
}

extension JobOutcome {
  /// What an error that a runner threw makes of its job.
  init(_ error: any Error) {
    switch error {
    case let error as RetryableProblem: self = .failed(error.problem, isRetryable: true)
    case let error as Problem: self = .failed(error, isRetryable: false)
    default:
      self = .failed(
        Problem(
          type: "urn:bitnet:problem:job-failed", title: "The job met an error", detail: "\(error)"),
        isRetryable: false)
    }
  }
}
