import HostedTeachers
import Testing

struct PacingTests {
  @Test(arguments: [
    ("0", 0.0), ("7", 7), ("1.5", 1.5), ("99999999", 3600),
    ("Sun, 06 Nov 1994 08:49:37 GMT", 37), ("Sunday, 06-Nov-94 08:49:37 GMT", 37),
    ("Sun Nov  6 08:49:37 1994", 37), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
  ])
  func `Retry-After is a number of seconds or one of three dates`(value: String, seconds: Double) {
    #expect(RetryAfter.seconds(value, now: 784_111_740) == seconds)
  }

  @Test(arguments: ["", "soon", "-1", "nan", "inf", "Sun, 99 Nov 1994 08:49:37 GMT"])
  func `anything else says nothing`(value: String) {
    #expect(RetryAfter.seconds(value, now: 0) == nil)
  }

  @Test func `waits double up to a bound, fully jittered, and never undercut the server's wish`() {
    let backoff = Backoff()
    #expect(
      (1...10).map { backoff.seconds(attempt: $0, retryAfter: nil, share: 1) }
        == [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60])
    #expect(backoff.seconds(attempt: 5, retryAfter: nil, share: 0) == 0)
    #expect(backoff.seconds(attempt: 1, retryAfter: 10, share: 0) == 10)
    #expect(backoff.seconds(attempt: 9, retryAfter: 10, share: 1) == 12)
  }

  @Test func `the limit doubles a round, halves at an overload, then grows by one a round`() {
    var limit = ConcurrencyLimit(maximum: 100, initial: 8)
    // Eight replies of the same moment.
    for _ in 0..<8 { limit.succeeded(inFlight: 8, of: 8) }
    #expect(limit.current == 16)
    limit.succeeded(inFlight: 15, of: 16)
    #expect(limit.current == 16)
    limit.overloaded(startedAt: 1, now: 5)
    #expect(limit.current == 8)
    // Of the same jam.
    limit.overloaded(startedAt: 4, now: 6)
    #expect(limit.current == 8)
    for _ in 0..<9 { limit.succeeded(inFlight: 8, of: 8) }
    #expect(limit.current == 9)
    for time in 6..<30 { limit.overloaded(startedAt: Double(time), now: Double(time)) }
    #expect(limit.current == 1)
    for _ in 0..<100_000 { limit.succeeded(inFlight: 100, of: 100) }
    #expect(limit.current == 100)
  }

  @Test func `a rate lets through what a minute allows`() {
    var rate = RateAllowance(perMinute: 120, now: 0)
    var now = 0.0
    for _ in 0..<1000 {
      now += rate.secondsUntil(1, now: now)
      rate.take(1)
    }
    // Ten at once, then two a second.
    #expect(abs(now - 495) < 0.01)
    rate.take(-5)
    #expect(rate.secondsUntil(4, now: now) == 0)
  }
}
