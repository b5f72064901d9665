/// How many requests may be in flight: found by additive increase and multiplicative decrease.
///
/// It doubles each round until the first overload, and grows by one a round afterwards. Requests
/// that were started before a decrease do not cause another one: they are of the same jam.
///
/// Source: Jacobson 1988, "Congestion Avoidance and Control".
package struct ConcurrencyLimit: Equatable, Sendable {
  private let maximum: Double
  private var exact: Double
  private var isSlowStart = true
  /// Requests that started from here on are news about the current limit.
  private var epochStart = 0.0

  /// - Parameters:
  ///   - maximum: never more, 1 or more.
  ///   - initial: to begin with.
  package init(maximum: Int, initial: Int = 8) {
    precondition(maximum >= 1 && initial >= 1, "a limit is 1 or more")
    self.maximum = Double(maximum)
    exact = Double(min(initial, maximum))
  }

  /// Requests that may be in flight.
  package var current: Int { Int(exact) }

  /// A request was answered.
  ///
  /// - Parameters:
  ///   - inFlight: how many there were when the reply came, with it; a limit that is not used does
  ///     not grow.
  ///   - limit: what the limit was then. Replies that come together all count: compared with what
  ///     the first of them has raised, the others would find the limit unused.
  package mutating func succeeded(inFlight: Int, of limit: Int) {
    guard inFlight >= limit else { return }
    exact = min(maximum, exact + (isSlowStart ? 1 : 1 / exact))
  }

  /// The server had too much to do: 429, 5xx, no answer in time, no connection.
  package mutating func overloaded(startedAt: Double, now: Double) {
    guard startedAt >= epochStart else { return }
    isSlowStart = false
    exact = max(1, exact / 2)
    epochStart = now
  }
}
