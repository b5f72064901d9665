import Checkpoints
package import Foundation
import Parquet
import Synchronization

/// One shard of a trace, memory-mapped and checked.
package final class TraceShardReader: Sendable {
  /// The file.
  package let path: String
  /// What the whole trace has in common.
  package let metadata: TraceMetadata
  /// Where each sequence lies, in order.
  package let spans: [TraceSpan]
  /// The row group of each span, and where in the group it starts.
  private let places: [(group: Int, firstRow: Int)]
  private let file: MappedFile
  private let parquet: Mutex<ParquetReader>

  /// Opens a shard; checks its schema and metadata, and that sequences are whole and in order.
  package init(_ url: URL) throws(TraceError) {
    path = url.path
    do throws(TraceError.Problem) {
      let file = try Self.map(url)
      let reader = try Self.open(file)
      guard let json = reader.metadata(TraceMetadata.key) else { throw .noMetadata }
      metadata = try TraceMetadata(json: json)
      (spans, places) = try Self.locateSequences(reader)
      self.file = file
      parquet = Mutex(reader)
    } catch {
      throw TraceError(path: url.path, problem: error)
    }
  }

  /// Rows of all sequences.
  package var rowCount: Int { spans.last.map { $0.firstRow + $0.rowCount } ?? 0 }

  /// Size of the file.
  package var byteCount: Int { file.bytes.count }

  /// The row group that holds a span.
  func group(ofSpan index: Int) -> Int { places[index].group }

  /// Reads a whole row group.
  func rows(ofGroup group: Int) throws(TraceError) -> TraceRows {
    do throws(TraceError.Problem) {
      let values = try parquet.withLock { reader throws(TraceError.Problem) in
        do throws(ParquetError) {
          return try reader.read(group: group)
        } catch {
          throw TraceError.Problem.notReadableAsParquet(error.reason)
        }
      }
      return try TraceRows(group: group, values: values)
    } catch {
      throw TraceError(path: path, problem: error)
    }
  }

  /// Cuts a span out of the rows of its group.
  func sequence(atSpan index: Int, from rows: TraceRows) throws(TraceError) -> TraceSequence {
    let place = places[index]
    do throws(TraceError.Problem) {
      return try rows.sequence(
        in: place.firstRow..<(place.firstRow + spans[index].rowCount), topK: metadata.topK,
        group: place.group)
    } catch {
      throw TraceError(path: path, problem: error)
    }
  }

  /// The sequence of a span.
  package func sequence(atSpan index: Int) throws(TraceError) -> TraceSequence {
    try sequence(atSpan: index, from: rows(ofGroup: places[index].group))
  }

  /// Compares the file with the sum that was written with it, if there is one.
  ///
  /// - Returns: the file's SHA-256.
  /// - Throws: `.altered` with both sums.
  package func verify(expected: String?) throws(TraceError) -> String {
    let found = ChecksumList.digest(of: file.bytes)
    guard let expected, expected != found else { return found }
    throw TraceError(path: path, problem: .altered(expected: expected, found: found))
  }

  private static func map(_ url: URL) throws(TraceError.Problem) -> MappedFile {
    do throws(FileError) {
      return try MappedFile(path: url.path)
    } catch {
      throw .unreadable(error.description)
    }
  }

  private static func open(
    _ file: MappedFile
  ) throws(TraceError.Problem) -> sending ParquetReader {
    do throws(ParquetError) {
      return try ParquetReader(file.bytes, owner: file, columns: TraceRows.columns())
    } catch {
      throw .notReadableAsParquet(error.reason)
    }
  }

  /// Reads `sequence_id` and `position` of the whole shard, which takes little time because both
  /// shrink to almost nothing, and checks that groups hold whole sequences with rising ids.
  private static func locateSequences(
    _ reader: borrowing ParquetReader
  ) throws(TraceError.Problem) -> ([TraceSpan], [(group: Int, firstRow: Int)]) {
    var spans: [TraceSpan] = []
    var places: [(group: Int, firstRow: Int)] = []
    var groupStart = 0
    for (group, rowCount) in reader.groupRowCounts.enumerated() {
      let values: [ParquetValues]
      do throws(ParquetError) {
        values = try reader.read(group: group, columns: TraceRows.placeColumns)
      } catch {
        throw .notReadableAsParquet(error.reason)
      }
      guard case .int64(let ids) = values[0], case .int32(let positions) = values[1] else {
        preconditionFailure("the reader was opened with these columns")
      }
      var start = 0
      while start < rowCount {
        let row = Int64(groupStart + start)
        let id = ids[start]
        guard id > (spans.last?.sequenceID ?? -1) else {
          throw .badRow(row, "starts sequence \(id), expected a higher id than the one before")
        }
        var end = start
        while end < rowCount, ids[end] == id {
          guard Int(positions[end]) == end - start else {
            throw .badRow(
              Int64(groupStart + end), "has position \(positions[end]), expected \(end - start)")
          }
          end += 1
        }
        spans.append(
          TraceSpan(sequenceID: id, firstRow: groupStart + start, rowCount: end - start))
        places.append((group, start))
        start = end
      }
      groupStart += rowCount
    }
    return (spans, places)
  }
}
