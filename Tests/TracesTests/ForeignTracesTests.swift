import Foundation
import Parquet
import TestSupport
import Testing

@testable import Traces

struct ForeignTracesTests {
  let folder: TemporaryFolder
  init() throws {
    folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder["out"], withIntermediateDirectories: false)
  }

  private func write(_ columns: [ParquetColumn], _ values: [ParquetValues], as name: String) throws
  {
    var bytes = Data()
    let writer = try ParquetWriter(columns: columns) { bytes.append(contentsOf: $0) }
    try writer.write(values)
    try writer.finish(metadata: [:])
    try bytes.write(to: folder[name])
  }

  private func convert(_ layout: ForeignLayout) throws -> TraceSet {
    #expect(try ForeignLayout.found(in: folder.url) == layout)
    var metadata = TraceMetadata.example
    metadata.projection = "identity"
    let traces = try ForeignTraces(folder: folder.url, layout: layout)
    let count = try traces.convert(into: folder["out"], metadata: metadata)
    let set = try TraceSet(folder: folder["out"])
    #expect(set.count == count)
    return set
  }

  @Test func `the published layout becomes sequences where positions start again`() throws {
    try write(
      [
        ParquetColumn("position", .int32), ParquetColumn("topk_tokens", .int32List),
        ParquetColumn("topk_logprobs", .float32List), ParquetColumn("other_logprob", .float32),
      ],
      [
        .int32([0, 1, 0]), .int32List([5, 6, 7, 8, 9, 4], offsets: [0, 2, 4, 6]),
        .float32List([-1, -2, -0.5, -3, -9999, -0.1], offsets: [0, 2, 4, 6]),
        .float32([-0.7, -1.1, -2.3]),
      ], as: "kd_shard_000.parquet")
    let set = try convert(.published)
    #expect(set.lengths == [2, 1] && set.metadata.topK == 2)
    let first = try set.sequence(at: 0)
    #expect(first.tokens == [5, 7] && first.topKIDs == [5, 6, 7, 8])
    #expect(first.topKLogprobs == [-1, -2, -0.5, -3] && first.otherLogprob == [-0.7, -1.1])
    // A sentinel is no candidate.
    #expect(try set.sequence(at: 1).tokens == [4])
  }

  /// As DistillKit packs: the highest bit of each index first.
  private func packed(_ ids: [Int], bits: Int) -> [UInt8] {
    let stream = ids.flatMap { id in (0..<bits).reversed().map { UInt8(id >> $0 & 1) } }
    return stride(from: 0, to: stream.count, by: 8).map { start in
      (0..<8).reduce(0) { $0 << 1 | (start + $1 < stream.count ? stream[start + $1] : 0) }
    }
  }

  @Test(arguments: ["float32", "float16", "bfloat16"], [true, false])
  func `DistillKit's packed lists are read, and each predicts the next token`(
    type: String, isDelta: Bool
  ) throws {
    let rows: [[(id: Int, logprob: Float)]] = [
      [(99, -0.5), (3, -1.5), (0, -3)], [(1, -0.25), (64, -2), (7, -4)],
    ]
    var values: [[UInt8]] = []
    for row in rows {
      var before: Float = 0
      var bytes: [UInt8] = []
      for (index, entry) in row.enumerated() {
        let value = isDelta && index > 0 ? entry.logprob - before : entry.logprob
        before = entry.logprob
        switch type {
        case "float16": withUnsafeBytes(of: Float16(value).bitPattern) { bytes += Array($0) }
        case "bfloat16":
          withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { bytes += Array($0) }
        default: withUnsafeBytes(of: value.bitPattern) { bytes += Array($0) }
        }
      }
      values.append(bytes)
    }
    let config = """
      d: 100
      k: 3
      exact_k: 3
      exact_dtype: \(type)
      polynomial_terms: null
      residual_bins: []
      delta_encoding: \(isDelta)
      """
    let compression = try DistillKitCompression(yaml: config)
    #expect(compression.indexBits == 7)
    for (row, bytes) in zip(rows, values) {
      let logprobs = try compression.logprobs(bytes.map(Int32.init)[...])
      #expect(zip(logprobs, row).allSatisfy { abs($0 - Double($1.logprob)) < 1e-6 })
      let indices = packed(row.map(\.id), bits: 7).map(Int32.init)
      #expect(try compression.indices(indices[...]) == row.map { Int32($0.id) })
    }
  }

  @Test func `values that DistillKit fits or quantizes are refused by name`() {
    #expect {
      try DistillKitCompression(yaml: "d: 100\nk: 50\nexact_k: 16\npolynomial_terms:\n- 0\n- 1\n")
    } throws: { error in "\(error)".contains("exact_k") }
    #expect(throws: TraceError.Problem.self) { try DistillKitCompression(yaml: "k: 5") }
  }

  /// What another program wrote: Tests/Fixtures/traces/make.py.
  private func take(_ name: String) throws {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/traces")
    try FileManager.default.copyItem(at: fixtures.appending(path: name), to: folder[name])
  }

  @Test func `Axolotl's rows are read, and each list is what predicted its own token`() throws {
    try take("axolotl.parquet")
    let set = try convert(.axolotl)
    #expect(set.lengths == [6, 4] && set.metadata.topK == 3)
    let first = try set.sequence(at: 0)
    #expect(
      first.tokens == [10, 20, 30, 40, 50, 60] && first.candidateCounts == [0, 3, 3, 3, 3, 3])
    #expect(Array(first.topKIDs[3..<9]) == [20, 21, 27, 30, 31, 37])
    #expect(first.lossMask == [false, true, true, true, true, true])
    for (found, expected) in zip(first.topKLogprobs[3..<6], [0.6, 0.3, 0.05]) {
      #expect(abs(Double(found) - log(expected)) < 1e-6)
    }
    #expect(abs(Double(first.otherLogprob[1]) - log(0.05)) < 1e-5)

    // Normalized lists leave nothing for the rest; of equal candidates, the smaller id comes first.
    let second = try set.sequence(at: 1)
    #expect(second.tokens == [1, 2, 5, 6] && second.lossMask == [false, false, true, true])
    #expect(second.candidateCounts == [0, 0, 2, 2])
    #expect(Array(second.topKIDs[6...]) == [5, 7, -1, 6, 8, -1])
    #expect(second.otherLogprob == [0, 0, -.infinity, -.infinity])
    for sequence in [first, second] {
      for row in 0..<sequence.count {
        if case .invalid(let reason) = sequence.quality(ofRow: row, vocabularySize: 290) {
          Issue.record("row \(row): \(reason)")
        }
      }
    }
  }

  @Test func `DistillKit's file is read, and list i is about token i + 1`() throws {
    try take("distillkit.parquet")
    try "d: 290\nk: 3\nexact_k: 3\nexact_dtype: float32\ndelta_encoding: false\n".write(
      to: folder["compression_config.yaml"], atomically: true, encoding: .utf8)
    let sequence = try convert(.distillKit).sequence(at: 0)
    #expect(sequence.tokens == [10, 20, 30, 40, 50, 60])
    #expect(sequence.candidateCounts == [0, 3, 3, 3, 3, 3])
    #expect(Array(sequence.topKIDs[3..<9]) == [20, 21, 27, 30, 31, 37])
    #expect(abs(Double(sequence.topKLogprobs[3]) - log(0.6)) < 1e-6)
  }

  @Test func `a folder of something else has no layout`() throws {
    try write([ParquetColumn("x", .int32)], [.int32([1])], as: "a.parquet")
    #expect(try ForeignLayout.found(in: folder.url) == nil)
  }
}
