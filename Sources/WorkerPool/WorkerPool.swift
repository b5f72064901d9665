// How a job gets from `queued` to a final state.
//
// The pool has slots of each class. Whenever a slot is free and something is queued, the job is
// claimed and its runner called on a thread of its own. Nothing polls: the store's change signal,
// a slot that becomes free, and a timer for jobs that wait out their back-off each lead to one
// look at the queue. While jobs run, one timer writes down what they say, another one the
// heartbeat.
//
// All decisions are made on one serial queue; runners never run there.

internal import Dispatch
package import JobStore
package import Jobs
internal import Synchronization

/// Runs the store's jobs.
package final class WorkerPool: Sendable {
  /// What does the work: called on a thread of its own, returns or throws when the attempt ends.
  package typealias Runner = @Sendable (Job, RunningJob) throws -> JobOutcome

  /// What the pool's owner decides.
  package struct Configuration: Sendable {
    /// Jobs that run at the same time, by class; none where nothing is said.
    package var slots: [JobSlot: Int]
    /// Pause between two writings of what jobs say, in seconds.
    package var flushSeconds: Double
    /// Pause between two heartbeats, in seconds.
    package var heartbeatSeconds: Double
    /// Pause before a store that refused is asked again, in seconds.
    package var storeRetrySeconds: Double

    /// - Parameters: as the properties.
    package init(
      slots: [JobSlot: Int] = [.compute: 1, .io: 4], flushSeconds: Double = 0.5,
      heartbeatSeconds: Double = 5, storeRetrySeconds: Double = 1
    ) {
      self.slots = slots
      self.flushSeconds = flushSeconds
      self.heartbeatSeconds = heartbeatSeconds
      self.storeRetrySeconds = storeRetrySeconds
    }
  }

  private struct State {
    var phase = Phase.idle
    var running: [JobID: RunningJob] = [:]
    var observer: ObserverID?
    var timers: [any DispatchSourceTimer] = []
    /// Whether a look at the queue is on its way.
    var isLookPlanned = false
    /// When the timer for backed-off jobs fires; nil when none is set.
    var nextLook: Timestamp?
  }

  private enum Phase {
    case idle, open, draining
  }

  private let state = Mutex(State())
  private let store: JobStore
  private let configuration: Configuration
  private let log: @Sendable (WorkerPoolEvent) -> Void
  private let runner: Runner
  private let decisions = DispatchQueue(label: "bitnet.pool.decisions", qos: .userInitiated)
  private let timing = DispatchQueue(label: "bitnet.pool.timing", qos: .userInitiated)
  private let runners = DispatchGroup()

  /// - Parameters:
  ///   - log: called on any thread; must be short.
  ///   - runner: the work of all kinds of jobs.
  package init(
    store: JobStore, configuration: Configuration = Configuration(),
    log: @escaping @Sendable (WorkerPoolEvent) -> Void = { _ in }, runner: @escaping Runner
  ) {
    self.store = store
    self.configuration = configuration
    self.log = log
    self.runner = runner
  }

  /// Takes back what a dead process left, and begins to claim.
  ///
  /// - Throws: what the store throws; nothing was begun then.
  package func start() throws(StoreError) {
    let recovered = try store.recover()
    if !recovered.isEmpty { log(.recovered(recovered)) }
    state.withLock { $0.phase = .open }
    let observer = store.observe { [weak self] changes in self?.hear(changes) }
    state.withLock { state in
      state.observer = observer
      state.timers = [
        timer(configuration.flushSeconds) { $0.writeDown() },
        timer(configuration.heartbeatSeconds) { $0.beat() },
      ]
    }
    planLook()
  }

  /// Claims no more, asks running jobs to stop, and waits until the last outcome is written: what
  /// was not cancelled goes back to the queue, to go on from its last checkpoint.
  package func drain() {
    let running = state.withLock { state in
      state.phase = .draining
      return Array(state.running.values)
    }
    for job in running { job.requestStop(.drain) }
    // A look that was under way may still begin a job; after this it cannot.
    decisions.sync {}
    runners.wait()
    let (observer, timers) = state.withLock { state in
      defer {
        state.observer = nil
        state.timers = []
        state.phase = .idle
      }
      return (state.observer, state.timers)
    }
    if let observer { store.removeObserver(observer) }
    for timer in timers { timer.cancel() }
  }

  /// The jobs that run now.
  package var running: [JobID] { state.withLock { $0.running.keys.sorted() } }

  /// Whether the pool claims jobs.
  package var isOpen: Bool { state.withLock { $0.phase == .open } }

  // MARK: Looking at the queue

  /// Called on the store's writer, so only plans.
  private func hear(_ changes: [JobChange]) {
    var isQueued = false
    for change in changes {
      switch change.kind {
      case .state(.queued): isQueued = true
      case .state(.running):
        // Claimed, or asked to stop.
        if let job = state.withLock({ $0.running[change.id] }) {
          timing.async { self.lookForCancel(job) }
        }
      case .state, .detail, .deleted: break
      }
    }
    if isQueued { planLook() }
  }

  private func planLook() {
    let mustPlan = state.withLock { state in
      defer { state.isLookPlanned = true }
      return !state.isLookPlanned
    }
    if mustPlan { decisions.async { self.look() } }
  }

  /// Fills the free slots. On `decisions`.
  private func look() {
    state.withLock { $0.isLookPlanned = false }
    for (slot, count) in configuration.slots {
      do throws(StoreError) {
        while hasFree(slot, of: count), let job = try store.claimNext(slot) { begin(job) }
        if hasFree(slot, of: count), let due = try store.nextDue(slot) { planLook(at: due) }
      } catch {
        log(.storeFailed(error))
        if error.isWorthAnotherTry {
          planLook(at: store.now.adding(seconds: configuration.storeRetrySeconds))
        }
      }
    }
  }

  private func hasFree(_ slot: JobSlot, of count: Int) -> Bool {
    state.withLock { state in
      state.phase == .open && state.running.values.count { $0.job.slot == slot } < count
    }
  }

  /// Sets the timer for backed-off jobs, unless it fires earlier anyway. On `decisions`.
  private func planLook(at time: Timestamp) {
    let isEarlier = state.withLock { state in
      if let planned = state.nextLook, planned <= time { return false }
      state.nextLook = time
      return true
    }
    guard isEarlier else { return }
    let seconds = max(0.001, time.seconds(since: store.now))
    decisions.asyncAfter(deadline: .now() + seconds) { [weak self] in
      guard let self else { return }
      state.withLock { state in
        if state.nextLook == time { state.nextLook = nil }
      }
      look()
    }
  }

  // MARK: Running

  /// On `decisions`.
  private func begin(_ job: Job) {
    let running = RunningJob(job, store: store)
    let isDraining = state.withLock { state in
      state.running[job.id] = running
      return state.phase == .draining
    }
    if isDraining { running.requestStop(.drain) }
    log(.claimed(job.id, attempt: running.attempt))
    // A cancel between the claim and the line above had nobody to hear it.
    timing.async { self.lookForCancel(running) }
    // A serial queue of its own is a thread of its own, however many others are blocked.
    DispatchQueue(label: "bitnet.runner.\(job.id)").async(group: runners) {
      self.run(running)
      self.state.withLock { $0.running[job.id] = nil }
      self.planLook()
    }
  }

  private func run(_ running: RunningJob) {
    let outcome: JobOutcome
    do {
      outcome = try runner(running.job, running)
    } catch {
      outcome = JobOutcome(error)
    }
    finish(running, outcome)
  }

  /// Writes the outcome down, however often the store has to be asked.
  private func finish(_ running: RunningJob, _ outcome: JobOutcome) {
    var outcome = outcome
    var isReplaced = false
    let pause = DispatchSemaphore(value: 0)
    // While the daemon goes down nobody waits for room on the disk.
    var triesLeft = 5
    while triesLeft > 0 {
      do throws(StoreError) {
        let job = try running.finish(outcome)
        log(.finished(job.id, attempt: running.attempt, job.state.name))
        return
      } catch {
        if case .superseded = error {
          log(.superseded(running.job.id, attempt: running.attempt))
          return
        }
        log(.storeFailed(error))
        switch error {
        case .busy, .diskFull:
          if !isOpen { triesLeft -= 1 }
          _ = pause.wait(timeout: .now() + configuration.storeRetrySeconds)
        case .unavailable, .damaged, .foreignDatabase, .folderInUse, .newerDatabase:
          triesLeft = 0
        case .constraintViolated, .notFound, .illegal, .notFinal, .blocked, .idempotencyConflict,
          .unknownDependency, .duplicateJob, .superseded:
          // What the runner said breaks a rule of the schema. The job must end all the same.
          if isReplaced { triesLeft = 0 }
          isReplaced = true
          running.discard()
          outcome = .failed(
            Problem(
              type: "urn:bitnet:problem:job-failed",
              title: "The job said something that cannot be stored",
              detail: "\(error)"), isRetryable: false)
        }
      }
    }
    log(.outcomeNotWritten(running.job.id, attempt: running.attempt))
  }

  // MARK: Timers

  private func timer(
    _ seconds: Double, _ body: @escaping @Sendable (WorkerPool) -> Void
  ) -> any DispatchSourceTimer {
    let timer = DispatchSource.makeTimerSource(queue: timing)
    // Dispatch's own clock is monotonic.
    timer.schedule(deadline: .now() + seconds, repeating: seconds)
    timer.setEventHandler { [weak self] in
      if let self { body(self) }
    }
    timer.activate()
    return timer
  }

  private func writeDown() {
    for running in state.withLock({ Array($0.running.values) }) {
      do throws(StoreError) {
        try running.write()
      } catch {
        if case .superseded = error { continue }
        log(.storeFailed(error))
      }
    }
  }

  private func beat() {
    if state.withLock({ $0.running.isEmpty }) { return }
    do throws(StoreError) {
      try store.heartbeat()
    } catch {
      log(.storeFailed(error))
    }
  }

  private func lookForCancel(_ running: RunningJob) {
    guard let job = try? store.job(running.job.id) else { return }
    if case .running(running.attempt, _, cancelRequested: true) = job.state {
      running.requestStop(.cancel)
    }
  }
}

extension StoreError {
  /// Whether the store may say yes the next time.
  fileprivate var isWorthAnotherTry: Bool {
    self == .busy || self == .diskFull
  }
}
