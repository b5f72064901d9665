/// How long to wait before a prompt is asked again: exponential, with full jitter, so that clients
/// that failed together do not come back together.
///
/// Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
package struct Backoff: Equatable, Sendable {
  /// The first wait's bound.
  package var secondsMin = 0.5
  /// No wait is longer, unless the server asks for it.
  package var secondsMax = 60.0

  /// The defaults.
  package init() {}

  /// Seconds to wait.
  ///
  /// - Parameters:
  ///   - attempt: attempts that have failed, 1 or more.
  ///   - retryAfter: what the server asks for: the wait is at least that, and a little more, so
  ///     that not all come back in the same instant.
  ///   - share: a random number from 0 to 1.
  package func seconds(attempt: Int, retryAfter: Double?, share: Double) -> Double {
    let bound = min(secondsMax, secondsMin * Double(1 << min(attempt - 1, 30)))
    let jitter = share * bound
    guard let retryAfter else { return jitter }
    return retryAfter + min(jitter, 1 + retryAfter / 10)
  }
}
