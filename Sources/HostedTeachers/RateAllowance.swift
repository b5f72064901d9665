/// What a provider allows per minute: a bucket that fills evenly and holds a few seconds' worth.
package struct RateAllowance: Equatable, Sendable {
  private let perSecond: Double
  private let capacity: Double
  private var level: Double
  private var time: Double

  /// - Parameters:
  ///   - perMinute: requests or tokens, above 0.
  ///   - largest: what a single request takes at most; the bucket holds at least that.
  package init(perMinute: Double, largest: Double = 1, now: Double) {
    precondition(perMinute > 0, "a rate is above 0")
    perSecond = perMinute / 60
    capacity = max(largest, perMinute / 12)
    level = capacity
    time = now
  }

  /// Seconds until `amount` may be taken; 0 when it may be now.
  package mutating func secondsUntil(_ amount: Double, now: Double) -> Double {
    level = min(capacity, level + max(0, now - time) * perSecond)
    time = max(time, now)
    return max(0, (min(amount, capacity) - level) / perSecond)
  }

  /// Takes `amount`, which may leave a debt; a negative one gives back what was not needed.
  package mutating func take(_ amount: Double) { level = min(capacity, level - amount) }
}
