import Checkpoints
package import Foundation
import Parquet

/// What was stored in one shard.
package struct TraceShardSummary: Codable, Equatable, Sendable {
  /// The file's name in the trace's folder.
  package let file: String
  /// The file's size.
  package let bytes: Int
  /// SHA-256 of the file in lower-case hexadecimal digits.
  package let sha256: String
  /// Where each sequence lies, in order.
  package let spans: [TraceSpan]
  /// Rows of all sequences, one per token.
  package var rowCount: Int { spans.last.map { $0.firstRow + $0.rowCount } ?? 0 }
}

/// Where one sequence lies in its shard.
package struct TraceSpan: Codable, Equatable, Sendable {
  /// The sequence.
  package let sequenceID: Int64
  /// Its first row, counted from the start of the shard.
  package let firstRow: Int
  /// Its rows, one per token.
  package let rowCount: Int
}

/// Writes a trace, shard by shard, and goes on where an earlier writer stopped.
///
/// A shard appears whole, flushed and with its sum in `SHA256SUMS`. What a crash interrupts is at
/// most the shard that was being written; `nextSequenceID` says where to go on.
package final class TraceShardWriter {
  /// zstd's level where none is asked for: docs/traces.md says what others give.
  package static let defaultLevel = 1

  private let folder: URL
  private var metadata: TraceMetadata
  private let rowsPerShard: Int
  private let rowsPerGroup: Int
  private let columns: [ParquetColumn]
  private var sums: ChecksumList
  private var shard: OpenShard?
  private var rows = TraceRows()

  /// Index of the shard that comes next.
  private var shardIndex: Int
  /// The first sequence that no finished shard holds; ids rise from here.
  package private(set) var nextSequenceID: Int64
  /// Rows in finished shards.
  package private(set) var finishedRowCount: Int
  /// The shards that were there when the writer was opened.
  package let earlierShards: [TraceShardSummary]

  /// Opens `folder`, which must exist, and goes on after the shards that it holds.
  ///
  /// Only one writer may use a folder. What a crashed one left unfinished is removed.
  ///
  /// - Parameters:
  ///   - rowsPerShard: a shard ends with the first sequence that reaches it.
  ///   - rowsPerGroup: what a reader decodes at once; with 16,384 a row takes 1.4 bytes more.
  ///   - zstdLevel: of the candidate lists, 1 to 22.
  /// - Throws: `TraceError` when the folder holds a trace with other metadata, or a damaged one;
  ///   `FileError`.
  package init(
    folder: URL, metadata: TraceMetadata, rowsPerShard: Int = 500_000, rowsPerGroup: Int = 65_536,
    zstdLevel: Int = TraceShardWriter.defaultLevel
  ) throws {
    precondition(rowsPerShard > 0 && rowsPerGroup > 0, "shards and groups must have rows")
    try AtomicFile.removeUnfinished(in: folder)
    let existing = try ShardName.all(in: folder)
    sums = try ChecksumList(traceFolder: folder)
    nextSequenceID = 0
    finishedRowCount = 0
    var earlier: [TraceShardSummary] = []
    for name in existing {
      let reader = try TraceShardReader(folder.appendingPathComponent(name.description))
      if let difference = reader.metadata.firstDifference(from: metadata) {
        throw TraceError(path: reader.path, problem: .mismatch(difference))
      }
      let digest = try reader.verify(expected: sums.digests[name.description])
      // A crash may have come between the shard and its sum; the shard was whole by then.
      sums.digests[name.description] = digest
      earlier.append(
        TraceShardSummary(
          file: name.description, bytes: reader.byteCount, sha256: digest, spans: reader.spans))
      guard let last = reader.spans.last else { continue }
      nextSequenceID = last.sequenceID + 1
      finishedRowCount += reader.rowCount
    }
    earlierShards = earlier
    shardIndex = existing.count
    self.folder = folder
    self.metadata = metadata
    self.rowsPerShard = rowsPerShard
    self.rowsPerGroup = rowsPerGroup
    columns = TraceRows.columns(zstdLevel: zstdLevel)
    if !existing.isEmpty { try writeSums() }
  }

  /// Adds a sequence; its id must be `nextSequenceID` or higher and its rows at least one.
  ///
  /// - Returns: the shard that this sequence completed, or nil.
  /// - Throws: `FileError` when the disk fails; the finished shards are then as they were, and this
  ///   writer must not be used again.
  package func append(_ sequence: TraceSequence) throws -> TraceShardSummary? {
    precondition(sequence.count > 0, "a sequence must have rows")
    precondition(sequence.topK == metadata.topK, "top_k must be that of the trace")
    let shard = try shard ?? OpenShard(for: shardURL, columns: columns)
    self.shard = shard
    let lowestID = shard.spans.last.map { $0.sequenceID + 1 } ?? nextSequenceID
    precondition(sequence.id >= lowestID, "sequence ids must rise")
    shard.spans.append(
      TraceSpan(
        sequenceID: sequence.id, firstRow: shard.rowCount, rowCount: sequence.count))
    rows.append(sequence, bits: metadata.logprobBits ?? .thirtyTwo)
    if rows.count >= rowsPerGroup { try flushRows(to: shard) }
    return shard.rowCount >= rowsPerShard ? try finish() : nil
  }

  /// Completes the shard that is being written.
  ///
  /// - Returns: what it holds, or nil when nothing was added since the last one.
  package func finish() throws -> TraceShardSummary? {
    guard let shard else { return nil }
    try flushRows(to: shard)
    let name = ShardName(index: shardIndex).description
    let (bytes, digest) = try shard.finish(metadata: [TraceMetadata.key: metadata.json()])
    let summary = TraceShardSummary(file: name, bytes: bytes, sha256: digest, spans: shard.spans)
    sums.digests[name] = digest
    try writeSums()
    nextSequenceID = (summary.spans.last?.sequenceID ?? -1) + 1
    finishedRowCount += summary.rowCount
    shardIndex += 1
    self.shard = nil
    return summary
  }

  /// Share of candidate mass by projection rule so far; each shard says what was known at its end.
  package var projectionCoverage: [String: Double] {
    get { metadata.projectionCoverage }
    set { metadata.projectionCoverage = newValue }
  }

  private var shardURL: URL {
    folder.appendingPathComponent(ShardName(index: shardIndex).description)
  }

  private func flushRows(to shard: OpenShard) throws {
    guard rows.count > 0 else { return }
    try shard.write(rows)
    rows = TraceRows()
  }

  private func writeSums() throws(FileError) {
    try AtomicFile.write(
      Data(sums.text.utf8), to: folder.appendingPathComponent(ChecksumList.fileName))
  }
}

/// The shard that is being written.
private final class OpenShard {
  var spans: [TraceSpan] = []
  private let file: HashedFile
  private let parquet: ParquetWriter

  init(for url: URL, columns: [ParquetColumn]) throws {
    let file = try HashedFile(for: url)
    self.file = file
    parquet = try ParquetWriter(columns: columns) { try file.store($0) }
  }

  var rowCount: Int { spans.last.map { $0.firstRow + $0.rowCount } ?? 0 }

  func write(_ rows: TraceRows) throws { try parquet.write(rows.values) }

  func finish(metadata: [String: String]) throws -> (bytes: Int, sha256: String) {
    try parquet.finish(metadata: metadata)
    return try file.finish()
  }
}

extension ChecksumList {
  /// The sums of a trace's folder; none when there is no such file yet.
  init(traceFolder folder: URL) throws(TraceError) {
    let url = folder.appendingPathComponent(ChecksumList.fileName)
    guard FileManager.default.fileExists(atPath: url.path) else {
      self.init(digests: [:])
      return
    }
    guard let data = try? Data(contentsOf: url) else {
      throw TraceError(path: url.path, problem: .unreadable("input/output error"))
    }
    do throws(CheckpointError.Problem) {
      try self.init(parsing: String(decoding: data, as: UTF8.self))
    } catch {
      guard case .malformedSums(let line) = error else { preconditionFailure("parse error") }
      throw TraceError(path: url.path, problem: .malformedSums(line: line))
    }
  }
}
