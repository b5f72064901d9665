/// One life of the daemon, from its start to its end: what tells a dead process from a slow one.
package struct BootID: Hashable, Sendable, CustomStringConvertible {
  /// The text of it, unique to this start of the program.
  package let text: String

  /// - Parameter text: unique to one start of the program.
  package init(_ text: String) {
    self.text = text
  }

  /// A new one.
  package static func make(at time: Timestamp) -> BootID {
    BootID(SortableSuffix.make(at: time).text)
  }

  package var description: String { text }
}
