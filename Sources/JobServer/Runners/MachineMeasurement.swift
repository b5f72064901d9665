package import Kernels
internal import Synchronization

/// The machine's peaks, measured once a process, by the first training: it takes some tenths of a
/// second, and whoever only serves never needs it.
package final class MachineMeasurement: Sendable {
  private let measured = Mutex<MachinePeaks?>(nil)

  package init() {}

  /// What `team` can do at most.
  package func peaks(of team: ComputeTeam) -> MachinePeaks {
    if let peaks = measured.withLock({ $0 }), peaks.threads == team.threadCount { return peaks }
    let peaks = MachinePeaks.measured(team: team)
    measured.withLock { $0 = peaks }
    return peaks
  }
}
