import Checkpoints
import Foundation
import Glibc
import Parquet
import TestSupport
import Testing

@testable import Traces

struct TraceShardTests {
  let folder: TemporaryFolder
  let sequences = exampleSequences(count: 40, seed: 1)
  init() throws { folder = try TemporaryFolder() }

  private func writer(
    metadata: TraceMetadata = .example, rowsPerShard: Int = 200
  ) throws -> TraceShardWriter {
    try TraceShardWriter(
      folder: folder.url, metadata: metadata, rowsPerShard: rowsPerShard, rowsPerGroup: 50)
  }

  @discardableResult
  private func writeAll(
    rowsPerShard: Int = 200, count: Int = 40
  ) throws -> [TraceShardSummary] {
    let writer = try writer(rowsPerShard: rowsPerShard)
    var summaries: [TraceShardSummary] = []
    for sequence in sequences.prefix(count).dropFirst(Int(writer.nextSequenceID)) {
      if let summary = try writer.append(sequence) { summaries.append(summary) }
    }
    if let last = try writer.finish() { summaries.append(last) }
    return summaries
  }

  private func problem(_ body: () throws -> Void) -> TraceError.Problem? {
    do {
      try body()
      return nil
    } catch let error as TraceError {
      #expect(error.description.hasPrefix(error.path))
      return error.problem
    } catch {
      Issue.record(error)
      return nil
    }
  }

  @Test func `sequences come back bit by bit, in any order`() throws {
    let summaries = try writeAll()
    #expect(summaries.count > 2)
    let trace = try TraceSet(folder: folder.url, cacheBytes: 10_000)
    #expect(trace.metadata == .example)
    #expect(trace.ids == sequences.map(\.id))
    #expect(trace.lengths == sequences.map(\.count))
    var random = SplitMix64(seed: 2)
    for index in (0..<trace.count).shuffled(using: &random) {
      #expect(try trace.sequence(at: index) == sequences[index])
    }
  }

  @Test func `summaries say where sequences lie and what the files are`() throws {
    for summary in try writeAll() {
      let url = folder[summary.file]
      #expect(try Data(contentsOf: url).count == summary.bytes)
      #expect(try ChecksumList.digest(ofFile: url.path) == summary.sha256)
      let reader = try TraceShardReader(url)
      #expect(reader.spans == summary.spans)
      #expect(reader.rowCount == summary.rowCount)
    }
    let sums = try String(contentsOf: folder["SHA256SUMS"], encoding: .utf8)
    #expect(sums.contains("kd_shard_002.parquet\n"))
  }

  @Test func `a writer goes on after the shards that are there, to the same bytes`() throws {
    let whole = try writeAll()
    let last = whole[whole.count - 1]
    try FileManager.default.removeItem(at: folder[last.file])
    try Data("left by a crash".utf8).write(to: folder[".unfinished-kd_shard_002.parquet-1"])
    let writer = try writer()
    #expect(writer.nextSequenceID == last.spans.first?.sequenceID)
    #expect(writer.earlierShards == whole.dropLast())
    #expect(writer.finishedRowCount == whole.dropLast().reduce(0) { $0 + $1.rowCount })
    #expect(try writeAll() == [last])
    #expect(try TraceSet(folder: folder.url).count == sequences.count)
    #expect(try !folder.names.contains { $0.hasPrefix(".") })
  }

  @Test func `a shard that a crash left without a sum is accepted, since it was whole`() throws {
    try writeAll()
    try FileManager.default.removeItem(at: folder["SHA256SUMS"])
    #expect(try writer().nextSequenceID == 40)
    #expect(try ChecksumList(traceFolder: folder.url).digests.count > 2)
  }

  @Test func `another teacher, tokenizer or corpus may not go on with a trace`() throws {
    try writeAll()
    var other = TraceMetadata.example
    other.tokenizerSHA256 = "dddd"
    #expect(
      problem { _ = try writer(metadata: other) }
        == .mismatch(.init(fact: "tokenizer SHA-256", found: "bbbb", expected: "dddd")))
    other = .example
    other.corpusSHA256 = nil
    #expect(
      problem { _ = try writer(metadata: other) }
        == .mismatch(.init(fact: "corpus SHA-256", found: "cccc", expected: "none")))
  }

  @Test func `training on a trace of another tokenizer is refused with both sides`() throws {
    try writeAll()
    let trace = try TraceSet(folder: folder.url)
    try trace.requireTokenizer(sha256: "bbbb", vocabularySize: 100)
    let error = #expect(throws: TraceError.self) {
      try trace.requireTokenizer(sha256: "eeee", vocabularySize: 100)
    }
    #expect(
      error?.description.hasSuffix(
        "tokenizer SHA-256 is bbbb in the trace, but eeee was expected") == true)
    #expect(throws: TraceError.self) {
      try trace.requireTokenizer(sha256: "bbbb", vocabularySize: 99)
    }
  }

  @Test func `whichever file operation fails, finished shards stay and no half one appears`() throws
  {
    var failures = 0
    for failing in 0..<10_000 {
      let counter = Counter()
      do {
        try FileFailpoint.$check.withValue({ _, _ in
          counter.next() == failing ? .shortWrite(ENOSPC) : nil
        }) { try writeAll(rowsPerShard: 60, count: 8) }
        break
      } catch let error as FileError {
        #expect(error.isOutOfSpace)
        failures += 1
      }
      #expect(try !folder.names.contains { $0.hasPrefix(".") }, "operation \(failing)")
      if try folder.names.contains("kd_shard_000.parquet") {
        let count = try TraceSet(folder: folder.url).count
        #expect(count > 0 && count <= 8)
      }
      for name in try folder.names { try FileManager.default.removeItem(at: folder[name]) }
    }
    #expect(failures > 100)
    #expect(try TraceSet(folder: folder.url).count == 8)
  }

  @Test func `a flipped bit anywhere in a shard is found`() throws {
    try writeAll(rowsPerShard: 10_000)
    let url = folder["kd_shard_000.parquet"]
    let whole = [UInt8](try Data(contentsOf: url))
    var random = SplitMix64(seed: 3)
    for _ in 0..<300 {
      let bit = Int.random(in: 0..<(8 * whole.count), using: &random)
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      try Data(bytes).write(to: url)
      #expect(throws: TraceError.self, "bit \(bit)") { try TraceSet(folder: folder.url) }
    }
  }

  @Test func `truncated, empty and foreign files are refused with the file's name`() throws {
    try writeAll(rowsPerShard: 10_000)
    let url = folder["kd_shard_000.parquet"]
    let whole = try Data(contentsOf: url)
    for contents in [
      Data(), Data("PAR1".utf8), Data("a text".utf8), whole.prefix(whole.count / 2),
      whole.prefix(whole.count - 1), whole.dropFirst(),
    ] {
      try contents.write(to: url)
      let error = #expect(throws: TraceError.self) { try TraceShardReader(url) }
      #expect(error?.description.contains("kd_shard_000.parquet: is not a readable trace") == true)
    }
    guard case .unreadable = problem({ _ = try TraceShardReader(folder["absent"]) }) else {
      Issue.record("expected an unreadable file")
      return
    }
  }

  @Test func `a Parquet file without our metadata, or of a newer version, is refused`() throws {
    func write(_ metadata: [String: String]) throws -> URL {
      let url = folder["x.parquet"]
      var bytes: [UInt8] = []
      let writer = try ParquetWriter(columns: TraceRows.columns()) { bytes.append(contentsOf: $0) }
      try writer.finish(metadata: metadata)
      try Data(bytes).write(to: url)
      return url
    }
    let plain = try write([:])
    #expect(problem { _ = try TraceShardReader(plain) } == .noMetadata)
    let newer = try write(["bitnet_trace": #"{"schema_version":2}"#])
    #expect(problem { _ = try TraceShardReader(newer) } == .unsupportedVersion(2))
    for text in ["", "[]", "{}", #"{"schema_version":1}"#, #"{"schema_version":"1"}"#] {
      let url = try write(["bitnet_trace": text])
      guard case .malformedMetadata = problem({ _ = try TraceShardReader(url) }) else {
        Issue.record("expected malformed metadata: \(text)")
        return
      }
    }
  }

  @Test func `a folder without shards, or with a gap, is refused`() throws {
    #expect(problem { _ = try TraceSet(folder: folder.url) } == .noShards)
    try writeAll()
    try FileManager.default.removeItem(at: folder["kd_shard_001.parquet"])
    #expect(
      problem { _ = try TraceSet(folder: folder.url) } == .missingShard("kd_shard_001.parquet"))
  }

  @Test func `rows that are out of order are refused by their number`() throws {
    func write(_ ids: [Int64], _ positions: [Int32]) throws -> URL {
      let url = folder["x.parquet"]
      var bytes: [UInt8] = []
      let writer = try ParquetWriter(columns: TraceRows.columns()) { bytes.append(contentsOf: $0) }
      let zeros = [Int32](repeating: 0, count: ids.count)
      let offsets = zeros + [0]
      try writer.write([
        .int64(ids), .int32(positions), .int32(zeros), .int32List([], offsets: offsets),
        .float32List([], offsets: offsets), .float32(zeros.map(Float.init)),
        .bool(zeros.map { $0 == 1 }), .bool(zeros.map { $0 == 1 }),
      ])
      try writer.finish(metadata: [TraceMetadata.key: TraceMetadata.example.json()])
      try Data(bytes).write(to: url)
      return url
    }
    let gap = try write([4, 4, 4], [0, 1, 3])
    #expect(
      problem { _ = try TraceShardReader(gap) } == .badRow(2, "has position 3, expected 2"))
    let falling = try write([4, 3], [0, 0])
    guard case .badRow(1, _) = problem({ _ = try TraceShardReader(falling) }) else {
      Issue.record("expected a refusal of row 1")
      return
    }
  }

  @Test func `names of shards are exactly those that are written`() {
    #expect(ShardName(index: 7).description == "kd_shard_007.parquet")
    #expect(ShardName(index: 1234).description == "kd_shard_1234.parquet")
    for name in ["kd_shard_7.parquet", "kd_shard_0007.parquet", "kd_shard_-01.parquet", "x"] {
      #expect(ShardName(name, kind: .trace) == nil, "\(name)")
    }
  }
}
