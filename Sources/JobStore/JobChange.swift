package import Jobs

/// What became different with a commit.
package struct JobChange: Equatable, Sendable {
  package let id: JobID
  /// The number of the job's last event, which is `Job.version`; fit for an ETag.
  package let version: Int64
  package let kind: Kind

  /// - Parameters: as the properties.
  package init(id: JobID, version: Int64, kind: Kind) {
    self.id = id
    self.version = version
    self.kind = kind
  }

  /// What became different.
  package enum Kind: Equatable, Sendable {
    /// The job is new, or in another state, or asked to stop.
    case state(JobState.Name)
    /// Progress, metrics, log lines, artifacts.
    case detail
    /// The job is no more.
    case deleted
  }
}

/// Names one observer of the store.
package struct ObserverID: Hashable, Sendable {
  let number: Int
}
