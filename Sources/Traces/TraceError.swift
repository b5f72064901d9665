/// Why a trace, or one file of it, cannot be used.
package struct TraceError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file or folder.
  package let path: String
  /// What is wrong with it.
  package let problem: Problem

  /// A problem of the file or folder at `path`.
  package init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// A fact that two sides disagree about.
  package struct Difference: Equatable, Sendable {
    /// What it is about, such as "tokenizer SHA-256".
    package let fact: String
    /// What the trace says.
    package let found: String
    /// What was expected.
    package let expected: String

    /// A disagreement.
    package init(fact: String, found: String, expected: String) {
      self.fact = fact
      self.found = found
      self.expected = expected
    }
  }

  /// What can be wrong.
  package enum Problem: Error, Equatable, Sendable {
    /// The file system refuses, with its reason.
    case unreadable(String)
    /// libparquet refuses, with its reason: damaged, truncated, another format or other columns.
    case notReadableAsParquet(String)
    /// A Parquet file without a trace's metadata.
    case noMetadata
    case malformedMetadata(String)
    case unsupportedVersion(Int)
    /// A folder without shards.
    case noShards
    /// A folder without captures.
    case noCaptures
    /// A shard is missing between others.
    case missingShard(String)
    /// The file's bytes are not those that were written.
    case altered(expected: String, found: String)
    case malformedSums(line: Int)
    /// The trace does not belong to what it is to be used with.
    case mismatch(Difference)
    /// A row contradicts the schema's rules.
    case badRow(Int64, String)
    /// A row group does not end with a sequence, or holds more candidates than `top_k`.
    case badGroup(Int, String)
  }

  package var description: String { "\(path): \(problem.text)" }
}

extension TraceError.Problem {
  fileprivate var text: String {
    switch self {
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .notReadableAsParquet(let reason):
      "is not a readable trace shard (Parquet with the columns of a trace): \(reason)"
    case .noMetadata:
      "has no metadata \(TraceMetadata.key): a Parquet file, but not a trace of this program"
    case .malformedMetadata(let reason): "has malformed metadata: \(reason)"
    case .unsupportedVersion(let version):
      "has trace schema version \(version), expected \(TraceMetadata.currentVersion)"
    case .noShards: "has no \(ShardName(index: 0)), expected a folder of trace shards"
    case .noCaptures:
      "has no \(ShardName(.capture, index: 0)), expected a folder of captures"
    case .missingShard(let name): "lacks \(name), although later shards are there"
    case .altered(let expected, let found):
      "is damaged: its SHA-256 is \(found), written was \(expected)"
    case .malformedSums(let line):
      "is malformed at line \(line): expected 64 hexadecimal digits, two spaces and a file name"
    case .mismatch(let difference):
      "\(difference.fact) is \(difference.found) in the trace, but \(difference.expected) was"
        + " expected"
    case .badRow(let row, let reason): "row \(row) \(reason)"
    case .badGroup(let group, let reason): "row group \(group) \(reason)"
    }
  }
}
