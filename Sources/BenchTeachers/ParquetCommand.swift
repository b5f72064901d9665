import ArgumentParser
import Checkpoints
import Foundation
import Parquet
import Traces

/// Reads rows of a trace that a peer wrote, writes them as our shards are written, and reads those.
struct ParquetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parquet", abstract: "Measure the writing and reading of a trace's rows.")

  @Argument(help: "A Parquet file with the columns of a trace, masks left out.")
  var file: String
  @Option(help: "Measured runs.")
  var samples = 5
  @Option(help: "zstd's level of the candidate lists.")
  var level = 1

  /// The rows have no masks.
  private func columns(level: Int) -> [ParquetColumn] {
    TraceRows.columns(zstdLevel: level).filter { $0.kind != .bool }
  }

  func run() throws {
    let groups = try read(file)
    let rows = groups.reduce(0) { $0 + ($1.first?.rowCount ?? 0) }
    let ours = file + ".ours"
    let written = try Measurement.rate(of: rows, samples: samples) { try write(groups, to: ours) }
    let bytes = try FileManager.default.attributesOfItem(atPath: ours)[.size] as? Int ?? 0
    let bytesPerRow = Double(bytes) / Double(rows)
    try Measurement(
      name: "parquet-write", threads: 1, perSecond: written, unit: "rows/s", samples: samples,
      bytesPerRow: bytesPerRow
    ).printLine()
    let readRate = try Measurement.rate(of: rows, samples: samples) { _ = try read(ours) }
    try Measurement(
      name: "parquet-read", threads: 1, perSecond: readRate, unit: "rows/s", samples: samples,
      bytesPerRow: bytesPerRow, peakRSSBytes: Measurement.peakResidentBytes
    ).printLine()
  }

  private func read(_ path: String) throws -> [[ParquetValues]] {
    let mapped = try MappedFile(path: path)
    let reader = try ParquetReader(mapped.bytes, owner: mapped, columns: columns(level: level))
    var groups: [[ParquetValues]] = []
    for group in reader.groupRowCounts.indices { groups.append(try reader.read(group: group)) }
    return groups
  }

  private func write(_ groups: [[ParquetValues]], to path: String) throws {
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    guard let file = FileHandle(forWritingAtPath: path) else {
      throw ValidationError("\(path) cannot be written")
    }
    let writer = try ParquetWriter(columns: columns(level: level)) {
      try file.write(
        contentsOf: Data(
          bytesNoCopy: UnsafeMutableRawPointer(mutating: $0.baseAddress!), count: $0.count,
          deallocator: .none))
    }
    for group in groups { try writer.write(group) }
    try writer.finish(metadata: [:])
    try file.close()
  }
}
