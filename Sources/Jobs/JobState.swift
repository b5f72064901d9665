// The life of a job.
//
//   waiting ──▶ queued ──▶ running ──▶ succeeded
//      │          │  ▲        │  │
//      │          │  └────────┘  ├──▶ failed     ──┐
//      │          │   drained,   │                 ├─▶ (retried) queued or waiting
//      └──────────┴─ lost, retry └──▶ cancelled  ──┘
//
// Every claim gives a job the next attempt number, which is never used again: it is the fence. A
// worker names its attempt with everything that it says, and one that was replaced is not heard.
// migrations/0001_create_jobs.sql repeats these rules as CHECKs.

/// Where a job is, and what is known only there.
package enum JobState: Equatable, Sendable {
  /// A job that it comes after is not final yet. `attempt`: attempts begun so far.
  case waiting(attempt: Int)
  /// Ready to be claimed. `attempt`: attempts begun so far.
  case queued(attempt: Int)
  /// A worker of process `boot` has it, for the attempt with this number (1 or more).
  case running(attempt: Int, boot: BootID, cancelRequested: Bool)
  /// Done. `attempt`: the one that did it.
  case succeeded(attempt: Int)
  /// Given up. `attempt`: the last one.
  case failed(attempt: Int)
  /// Stopped by a person, or because a job that it comes after did not succeed.
  case cancelled(attempt: Int)

  /// The state without its details, as it crosses the wire and stands in the database.
  package enum Name: String, CaseIterable, Codable, Sendable {
    case waiting, queued, running, succeeded, failed, cancelled

    /// Whether nothing happens any more unless somebody asks for it.
    package var isFinal: Bool {
      switch self {
      case .waiting, .queued, .running: false
      case .succeeded, .failed, .cancelled: true
      }
    }
  }

  /// The state's name.
  package var name: Name {
    switch self {
    case .waiting: .waiting
    case .queued: .queued
    case .running: .running
    case .succeeded: .succeeded
    case .failed: .failed
    case .cancelled: .cancelled
    }
  }

  /// The number of attempts begun so far, the running one included; 0 before the first claim.
  package var attempt: Int {
    switch self {
    case .waiting(let attempt), .queued(let attempt), .running(let attempt, _, _),
      .succeeded(let attempt), .failed(let attempt), .cancelled(let attempt):
      attempt
    }
  }

  /// Whether nothing happens any more unless somebody asks for it.
  package var isFinal: Bool { name.isFinal }
}

/// What can happen to a job.
package enum JobTransition: Equatable, Sendable {
  /// The jobs that it comes after have all succeeded.
  case released
  /// A job that it comes after failed or was cancelled.
  case dependencyFailed
  /// A worker of process `boot` took it.
  case claimed(boot: BootID)
  /// The worker of this attempt finished its work.
  case succeeded(attempt: Int)
  /// The worker of this attempt met an error. `triesAgain`: whether it is worth another attempt
  /// and one is left.
  case failed(attempt: Int, triesAgain: Bool)
  /// The worker of this attempt stopped at a step boundary because a person asked for it.
  case stopped(attempt: Int)
  /// The worker of this attempt stopped at a step boundary because the daemon is going down.
  case drained(attempt: Int)
  /// Process `boot` started and found the job held by a process that is no more.
  case lost(boot: BootID, triesAgain: Bool)
  /// A person wants it stopped.
  case cancelRequested
  /// A person wants it tried again. `waits`: whether a job that it comes after is not final.
  case retried(waits: Bool)
}

/// Something that cannot happen to a job where it is.
package struct IllegalTransition: Error, Equatable, Sendable {
  /// Where the job is.
  package let state: JobState
  /// What was to happen.
  package let transition: JobTransition

  /// - Parameters:
  ///   - state: where the job is.
  ///   - transition: what was to happen.
  package init(state: JobState, transition: JobTransition) {
    self.state = state
    self.transition = transition
  }
}

extension JobState {
  /// The state after `transition`: the only way from one state to another.
  ///
  /// - Throws: when there is no such state, among others when a worker names an attempt that is
  ///   not the running one.
  package func applying(_ transition: JobTransition) throws(IllegalTransition) -> JobState {
    switch (self, transition) {
    case (.waiting(let attempt), .released):
      return .queued(attempt: attempt)
    case (.waiting(let attempt), .dependencyFailed):
      return .cancelled(attempt: attempt)
    case (.queued(let attempt), .claimed(let boot)):
      return .running(attempt: attempt + 1, boot: boot, cancelRequested: false)
    case (.running(let attempt, _, _), .succeeded(attempt)):
      // Also when a cancel came too late for the worker to see: the work is there.
      return .succeeded(attempt: attempt)
    case (.running(let attempt, _, let cancelRequested), .failed(attempt, let triesAgain)):
      guard triesAgain else { return .failed(attempt: attempt) }
      return cancelRequested ? .cancelled(attempt: attempt) : .queued(attempt: attempt)
    case (.running(let attempt, _, true), .stopped(attempt)):
      return .cancelled(attempt: attempt)
    case (.running(let attempt, _, let cancelRequested), .drained(attempt)):
      return cancelRequested ? .cancelled(attempt: attempt) : .queued(attempt: attempt)
    case (.running(let attempt, let holder, let cancelRequested), .lost(let boot, let triesAgain))
    where holder != boot:
      if cancelRequested { return .cancelled(attempt: attempt) }
      return triesAgain ? .queued(attempt: attempt) : .failed(attempt: attempt)
    case (.waiting(let attempt), .cancelRequested), (.queued(let attempt), .cancelRequested):
      return .cancelled(attempt: attempt)
    case (.running(let attempt, let boot, _), .cancelRequested):
      return .running(attempt: attempt, boot: boot, cancelRequested: true)
    case (.failed(let attempt), .retried(let waits)),
      (.cancelled(let attempt), .retried(let waits)):
      return waits ? .waiting(attempt: attempt) : .queued(attempt: attempt)
    default:
      throw IllegalTransition(state: self, transition: transition)
    }
  }
}
