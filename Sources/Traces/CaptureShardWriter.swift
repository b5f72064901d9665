import Checkpoints
package import Foundation
import Parquet

/// What was stored in one shard of captures.
package struct CaptureShardSummary: Codable, Equatable, Sendable {
  /// The file's name in the folder.
  package let file: String
  /// The file's size.
  package let bytes: Int
  /// SHA-256 of the file in lower-case hexadecimal digits.
  package let sha256: String
  /// Captures in it.
  package let count: Int
}

/// Writes captures, a shard at a time: `capture_shard_000.parquet`, …
///
/// A shard appears whole and flushed, or not at all; what is there is never changed.
package struct CaptureShardWriter: Sendable {
  private let folder: URL
  private let metadata: CaptureMetadata

  /// What a reader decodes at once.
  private static let rowsPerGroup = 256

  /// A writer into `folder`, which must exist. Only one may use a folder.
  ///
  /// - Throws: `TraceError` when the folder holds captures of something else; `FileError`.
  package init(folder: URL, metadata: CaptureMetadata) throws {
    try AtomicFile.removeUnfinished(in: folder)
    for name in try ShardName.found(in: folder, kind: .capture) {
      let reader = try CaptureShard(folder.appendingPathComponent(name.description))
      guard reader.metadata == metadata else {
        throw TraceError(
          path: reader.path,
          problem: .mismatch(
            TraceError.Difference(
              fact: "what the captures have in common", found: "\(reader.metadata)",
              expected: "\(metadata)")))
      }
    }
    self.folder = folder
    self.metadata = metadata
  }

  /// Stores captures with rising ids as shard number `shard`.
  package func write(_ captures: [Capture], shard: Int) throws -> CaptureShardSummary {
    precondition(
      zip(captures, captures.dropFirst()).allSatisfy { $0.id < $1.id }, "capture ids must rise")
    let name = ShardName(.capture, index: shard).description
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let json = String(decoding: try encoder.encode(metadata), as: UTF8.self)
    let file = try HashedFile(for: folder.appendingPathComponent(name))
    let parquet = try ParquetWriter(columns: CaptureRows.columns) { try file.store($0) }
    for start in stride(from: 0, to: captures.count, by: Self.rowsPerGroup) {
      let group = captures[start..<min(captures.count, start + Self.rowsPerGroup)]
      try parquet.write(CaptureRows.values(of: Array(group)))
    }
    try parquet.finish(metadata: [CaptureShard.metadataKey: json])
    let (bytes, sha256) = try file.finish()
    return CaptureShardSummary(file: name, bytes: bytes, sha256: sha256, count: captures.count)
  }
}
