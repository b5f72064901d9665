/// Names one job, as `job_` and 26 characters; orders by the time it was made.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// What follows the prefix.
  package let suffix: SortableSuffix

  /// - Parameter suffix: what follows the prefix.
  package init(suffix: SortableSuffix) {
    self.suffix = suffix
  }

  /// Reads `job_…`; nil for anything that `text` does not write.
  package init?(_ text: String) {
    guard text.hasPrefix("job_"), let suffix = SortableSuffix(text: text.dropFirst(4)) else {
      return nil
    }
    self.suffix = suffix
  }

  /// A new identifier, larger than every one that this process made before.
  package static func make(at time: Timestamp) -> JobID {
    JobID(suffix: .make(at: time))
  }

  /// `job_…`, as it crosses the wire and stands in the database.
  package var text: String { "job_" + suffix.text }

  package var description: String { text }

  package static func < (left: JobID, right: JobID) -> Bool {
    left.suffix < right.suffix
  }
}
