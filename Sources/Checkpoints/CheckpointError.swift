/// Why a checkpoint folder cannot be used.
package struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The checkpoint's folder.
  package let path: String
  /// What is wrong with it.
  package let problem: Problem

  /// What can be wrong.
  package enum Problem: Error, Equatable, Sendable {
    /// The folder or a file in it cannot be read.
    case unreadable(String)
    /// There is no `SHA256SUMS`, so this is no checkpoint of this program.
    case noSums
    /// `SHA256SUMS` holds something else than sums, first at this line (from 1).
    case malformedSums(line: Int)
    /// Files differ from what was written; never empty.
    case damaged([Difference])
  }

  /// How one file differs from what was written.
  package enum Difference: Equatable, Sendable {
    case missing(String)
    case altered(String, expected: String, found: String)
    case unlisted(String)
  }

  package var description: String {
    switch problem {
    case .unreadable(let reason): "checkpoint \(path) cannot be read: \(reason)"
    case .noSums: "\(path) is not a checkpoint: it has no SHA256SUMS"
    case .malformedSums(let line):
      "\(path)/SHA256SUMS is malformed at line \(line): expected 64 hexadecimal digits, two"
        + " spaces and a file name"
    case .damaged(let differences):
      "checkpoint \(path) is damaged: "
        + differences.map(\.text).joined(separator: "; ")
    }
  }
}

extension CheckpointError.Difference {
  fileprivate var text: String {
    switch self {
    case .missing(let name): "\(name) is missing"
    case .altered(let name, let expected, let found):
      "\(name) has SHA-256 \(found.prefix(12))…, written was \(expected.prefix(12))…"
    case .unlisted(let name): "\(name) does not belong to it"
    }
  }
}
