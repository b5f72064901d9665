/// When a job that did not get through is tried again.
package struct RetryPolicy: Equatable, Sendable {
  /// Seconds before the second attempt; doubled before each further one.
  package var firstDelaySeconds: Double
  /// The longest pause, in seconds.
  package var delaySecondsMax: Double
  /// How often in a row a job may be lost with its process without having come further in
  /// between. Such a loss says little about the job (a machine was switched off), hence many; but
  /// a job that kills its process must not do so for ever.
  package var lossesMax: Int

  /// - Parameters:
  ///   - firstDelaySeconds: before the second attempt, in seconds.
  ///   - delaySecondsMax: the longest pause, in seconds.
  ///   - lossesMax: losses in a row without a checkpoint, 1 or more.
  package init(
    firstDelaySeconds: Double = 2, delaySecondsMax: Double = 300, lossesMax: Int = 10
  ) {
    self.firstDelaySeconds = firstDelaySeconds
    self.delaySecondsMax = delaySecondsMax
    self.lossesMax = lossesMax
  }

  /// Seconds to wait after the `failures`-th failure in a row (1 or more).
  package func delaySeconds(afterFailures failures: Int) -> Double {
    var delay = firstDelaySeconds
    for _ in 1..<max(1, min(failures, 64)) { delay *= 2 }
    return min(delay, delaySecondsMax)
  }

  /// Seconds to wait after the `losses`-th loss in a row: none after the first, as most losses
  /// are a restart of the daemon.
  package func delaySeconds(afterLosses losses: Int) -> Double {
    losses <= 1 ? 0 : delaySeconds(afterFailures: losses - 1)
  }
}
