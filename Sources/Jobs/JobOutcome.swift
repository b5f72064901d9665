/// How a worker's attempt ended.
package enum JobOutcome: Equatable, Sendable {
  /// The work is done; the result is by kind.
  case succeeded(result: JSONValue)
  /// An error. `isRetryable`: whether another attempt could get through.
  case failed(Problem, isRetryable: Bool)
  /// The worker stopped at a step boundary, as it was asked to.
  case stopped
}

/// Why a running job is to stop at its next step boundary.
package enum StopReason: String, Equatable, Sendable {
  /// A person cancelled it.
  case cancel
  /// The daemon goes down; the job goes on after its next start.
  case drain
}
