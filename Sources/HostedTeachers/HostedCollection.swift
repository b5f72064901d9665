internal import Foundation

/// What a collection from a hosted teacher is allowed, and how it goes about it.
package struct HostedCollectionOptions: Sendable {
  package var question = HostedQuestion()
  package var budget = HostedBudget()
  package var prices = HostedPrices()
  /// Requests in flight at most; how many there really are is found out.
  package var concurrencyMax = 128
  /// What the provider allows; nil is found out by its refusals.
  package var requestsPerMinute: Double?
  package var tokensPerMinute: Double?
  /// A prompt is given up after so many unusable replies.
  package var attemptsMax = 6
  /// Prompts whose captures go into one shard.
  package var promptsPerShard = 512
  /// A request that takes longer counts as unanswered.
  package var requestSecondsMax = 300.0
  /// Without a usable reply for so long, the collection ends.
  package var outageSecondsMax = 600.0
  /// How long a stopped collection waits for what is paid for already.
  package var graceSeconds = 20.0
  package var backoff = Backoff()

  /// The defaults.
  package init() {}
}

/// How far a collection is.
package struct HostedProgress: Equatable, Sendable {
  package var prompts = 0
  /// Prompts whose captures are stored, those of earlier runs included.
  package var stored = 0
  /// Prompts that were given up.
  package var poisoned = 0
  package var inFlight = 0
  /// Requests that may be in flight now.
  package var concurrency = 0
  package var spend = HostedSpend()
  /// In the unit of the prices.
  package var cost = 0.0
  /// In this run.
  package var requestsPerSecond = 0.0
  package var tokensPerSecond = 0.0
  /// Requests that brought nothing, in this run.
  package var faults = 0
  /// Nil before the first reply.
  package var secondsLeft: Double?

  /// Share of the prompts that are done with, 0 to 1.
  package var fraction: Double {
    prompts == 0 ? 1 : Double(stored + poisoned) / Double(prompts)
  }
}

/// Why a collection ended.
package enum HostedCollectionEnd: String, Codable, Equatable, Sendable {
  /// Every prompt is stored or given up.
  case complete
  /// The next request might pass a budget.
  case budgetSpent = "budget_spent"
  /// It was asked to stop; another run goes on.
  case stopped
}

/// Time, as a collection sees it. Tests bring their own.
package struct CollectionClock {
  /// Seconds of a clock that never goes back.
  package var now: () -> Double
  /// Seconds since 1970.
  package var secondsSince1970: () -> Double
  /// Longest real wait for replies; the time that was meant is told to `waited` when none came.
  package var patience = Double.infinity
  package var waited: (_ seconds: Double) -> Void = { _ in }

  /// The machine's.
  package static var system: CollectionClock {
    CollectionClock(
      now: { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 },
      secondsSince1970: { Date().timeIntervalSince1970 })
  }

  package init(now: @escaping () -> Double, secondsSince1970: @escaping () -> Double) {
    self.now = now
    self.secondsSince1970 = secondsSince1970
  }
}
