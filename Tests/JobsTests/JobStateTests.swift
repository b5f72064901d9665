import Jobs
import Testing

struct JobStateTests {
  static let boot = BootID("here")
  static let states: [JobState] = [
    .waiting(attempt: 0), .queued(attempt: 0), .queued(attempt: 2),
    .running(attempt: 3, boot: boot, cancelRequested: false),
    .running(attempt: 3, boot: boot, cancelRequested: true),
    .succeeded(attempt: 3), .failed(attempt: 3), .cancelled(attempt: 3),
  ]

  @Test(arguments: states)
  func `a worker of another attempt is not heard`(state: JobState) {
    for transition in [
      JobTransition.succeeded(attempt: 2), .failed(attempt: 4, triesAgain: true),
      .stopped(attempt: 2), .drained(attempt: 4),
    ] {
      #expect(throws: IllegalTransition(state: state, transition: transition)) {
        try state.applying(transition)
      }
    }
  }

  @Test(arguments: states.filter(\.isFinal))
  func `only a retry leaves a final state`(state: JobState) throws {
    for transition in [
      JobTransition.released, .dependencyFailed, .claimed(boot: Self.boot),
      .succeeded(attempt: 3), .failed(attempt: 3, triesAgain: true), .stopped(attempt: 3),
      .drained(attempt: 3), .lost(boot: BootID("later"), triesAgain: true), .cancelRequested,
    ] {
      #expect(throws: IllegalTransition.self) { try state.applying(transition) }
    }
    if state.name == .succeeded {
      #expect(throws: IllegalTransition.self) { try state.applying(.retried(waits: false)) }
    } else {
      #expect(try state.applying(.retried(waits: true)) == .waiting(attempt: 3))
    }
  }

  @Test func `every claim has a new attempt number`() throws {
    var state = JobState.queued(attempt: 0)
    for attempt in 1...3 {
      state = try state.applying(.claimed(boot: Self.boot))
      #expect(state == .running(attempt: attempt, boot: Self.boot, cancelRequested: false))
      state = try state.applying(.failed(attempt: attempt, triesAgain: true))
    }
  }

  @Test func `a cancelled job is not tried again, whatever its worker says`() throws {
    let state = JobState.running(attempt: 1, boot: Self.boot, cancelRequested: true)
    let later = BootID("later")
    #expect(try state.applying(.stopped(attempt: 1)) == .cancelled(attempt: 1))
    #expect(try state.applying(.drained(attempt: 1)) == .cancelled(attempt: 1))
    #expect(try state.applying(.failed(attempt: 1, triesAgain: true)) == .cancelled(attempt: 1))
    #expect(try state.applying(.lost(boot: later, triesAgain: true)) == .cancelled(attempt: 1))
    #expect(try state.applying(.succeeded(attempt: 1)) == .succeeded(attempt: 1))
  }

  @Test func `a process does not take its own job for lost`() {
    let state = JobState.running(attempt: 1, boot: Self.boot, cancelRequested: false)
    #expect(throws: IllegalTransition.self) {
      try state.applying(.lost(boot: Self.boot, triesAgain: true))
    }
  }

  @Test func `back-off doubles up to its bound`() {
    let policy = RetryPolicy(firstDelaySeconds: 2, delaySecondsMax: 10)
    #expect((1...5).map(policy.delaySeconds(afterFailures:)) == [2, 4, 8, 10, 10])
    #expect((1...3).map(policy.delaySeconds(afterLosses:)) == [0, 2, 4])
  }
}
