/// Names one set of traces, as `trc_` and 26 characters; orders by the time it was made.
package struct TraceID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// What follows the prefix.
  package let suffix: SortableSuffix

  /// - Parameter suffix: what follows the prefix.
  package init(suffix: SortableSuffix) {
    self.suffix = suffix
  }

  /// Reads `trc_…`; nil for anything that `text` does not write.
  package init?(_ text: String) {
    guard text.hasPrefix("trc_"), let suffix = SortableSuffix(text: text.dropFirst(4)) else {
      return nil
    }
    self.suffix = suffix
  }

  /// A new identifier, larger than every one that this process made before.
  package static func make(at time: Timestamp) -> TraceID {
    TraceID(suffix: .make(at: time))
  }

  /// `trc_…`, as it crosses the wire and stands in the database.
  package var text: String { "trc_" + suffix.text }

  package var description: String { text }

  package static func < (left: TraceID, right: TraceID) -> Bool {
    left.suffix < right.suffix
  }
}
