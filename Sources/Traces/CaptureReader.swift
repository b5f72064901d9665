import Checkpoints
package import Foundation
import Parquet

/// The captures of a folder, in the order of their shards.
package struct CaptureReader {
  /// What all of them have in common.
  package let metadata: CaptureMetadata
  private let shards: [CaptureShard]

  /// Opens every shard; numbers may be missing, where nothing was stored.
  ///
  /// - Throws: when there is no shard, one is damaged, or they are of different collections.
  package init(folder: URL) throws(TraceError) {
    var shards: [CaptureShard] = []
    for name in try ShardName.found(in: folder, kind: .capture) {
      let shard = try CaptureShard(folder.appendingPathComponent(name.description))
      if let first = shards.first, first.metadata != shard.metadata {
        throw TraceError(
          path: shard.path,
          problem: .mismatch(
            TraceError.Difference(
              fact: "what the captures have in common", found: "\(shard.metadata)",
              expected: "\(first.metadata)")))
      }
      shards.append(shard)
    }
    guard let first = shards.first else {
      throw TraceError(path: folder.path, problem: .noCaptures)
    }
    metadata = first.metadata
    self.shards = shards
  }

  /// The numbers of the shards that a folder holds.
  package static func shardNumbers(in folder: URL) throws(TraceError) -> [Int] {
    try ShardName.found(in: folder, kind: .capture).map(\.index)
  }

  /// Number of captures.
  package var count: Int { shards.reduce(0) { $0 + $1.count } }

  /// The highest id of a capture, which the last group has; nil when all shards are empty.
  package var lastID: Int64? {
    get throws(TraceError) {
      for shard in shards.reversed() where shard.groupCount > 0 {
        if let last = try shard.captures(ofGroup: shard.groupCount - 1).last { return last.id }
      }
      return nil
    }
  }

  /// Calls `body` with some captures at a time, in the order in which they are stored.
  ///
  /// - Parameter body: returns whether to go on.
  package func forEachGroup(_ body: ([Capture]) throws -> Bool) throws {
    for shard in shards {
      for group in 0..<shard.groupCount where try !body(try shard.captures(ofGroup: group)) {
        return
      }
    }
  }
}

/// One shard of captures, memory-mapped and checked.
final class CaptureShard {
  static let metadataKey = "bitnet_capture"

  let path: String
  let metadata: CaptureMetadata
  private let file: MappedFile
  private let parquet: ParquetReader

  init(_ url: URL) throws(TraceError) {
    path = url.path
    do throws(TraceError.Problem) {
      do throws(FileError) {
        file = try MappedFile(path: url.path)
      } catch {
        throw .unreadable(error.description)
      }
      do throws(ParquetError) {
        parquet = try ParquetReader(file.bytes, owner: file, columns: CaptureRows.columns)
      } catch {
        throw .notReadableAsParquet(error.reason)
      }
      guard let json = parquet.metadata(Self.metadataKey) else { throw .noMetadata }
      metadata = try Self.metadata(json)
    } catch {
      throw TraceError(path: url.path, problem: error)
    }
  }

  var groupCount: Int { parquet.groupRowCounts.count }
  var count: Int { parquet.groupRowCounts.reduce(0, +) }

  func captures(ofGroup group: Int) throws(TraceError) -> [Capture] {
    do throws(TraceError.Problem) {
      let values: [ParquetValues]
      do throws(ParquetError) {
        values = try parquet.read(group: group)
      } catch {
        throw .notReadableAsParquet(error.reason)
      }
      return try CaptureRows.captures(group: group, values: values)
    } catch {
      throw TraceError(path: path, problem: error)
    }
  }

  private static func metadata(_ json: String) throws(TraceError.Problem) -> CaptureMetadata {
    struct Version: Decodable {
      let schemaVersion: Int

      enum CodingKeys: String, CodingKey { case schemaVersion = "schema_version" }
    }
    do {
      let data = Data(json.utf8)
      let version = try JSONDecoder().decode(Version.self, from: data).schemaVersion
      guard version == CaptureMetadata.currentVersion else {
        throw TraceError.Problem.unsupportedVersion(version)
      }
      return try JSONDecoder().decode(CaptureMetadata.self, from: data)
    } catch let problem as TraceError.Problem {
      throw problem
    } catch {
      throw .malformedMetadata("\(error)")
    }
  }
}
