/// Seconds that `work` takes: the median of as many calls as fit into `duration`, five at least.
func medianSeconds(of work: () -> Void, for duration: Duration) -> Double {
  work()
  var seconds: [Double] = []
  let clock = ContinuousClock()
  let start = clock.now
  while seconds.count < 5 || clock.now - start < duration {
    seconds.append(clock.measure(work) / .seconds(1))
  }
  seconds.sort()
  return seconds[seconds.count / 2]
}
