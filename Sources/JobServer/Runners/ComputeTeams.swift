package import Jobs
package import Kernels
internal import Synchronization

/// The teams of compute threads that jobs borrow.
///
/// Jobs that compute at the same time either take turns on one team, operation by operation, so
/// that a job that is alone has all threads; or each has a team of its own with its part of the
/// threads, so that no job waits for another one's long operation.
package final class ComputeTeams: Sendable {
  /// How jobs share the threads.
  package enum Sharing: String, CaseIterable, Sendable {
    case turns, split
  }

  /// Of work that no compute job does, such as what a hosted teacher's answers need.
  package let common: ComputeTeam
  /// Teams that nobody has borrowed; none when all jobs take turns on the common one.
  private let free: Mutex<[ComputeTeam]>

  /// - Parameters:
  ///   - common: all threads.
  ///   - jobs: compute jobs that run at the same time, at most; 1 or more.
  package init(common: ComputeTeam, jobs: Int, sharing: Sharing) {
    self.common = common
    let threads = common.threadCount
    free = Mutex(
      (0..<(sharing == .split && jobs > 1 ? jobs : 0)).map { job in
        // The parts differ by one thread at most, and none is without.
        ComputeTeam(threadCount: max(1, threads * (job + 1) / jobs - threads * job / jobs))
      })
  }

  /// Calls `body` with the team of a job of this class.
  package func withTeam<Value>(
    of slot: JobSlot, _ body: (ComputeTeam) throws -> Value
  ) rethrows -> Value {
    guard slot == .compute, let team = free.withLock({ $0.popLast() }) else {
      return try body(common)
    }
    defer { free.withLock { $0.append(team) } }
    return try body(team)
  }
}
