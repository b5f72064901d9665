import Foundation
import TestSupport
import Testing

@testable import Traces

struct CaptureTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private let metadata = CaptureMetadata(
    provider: "vllm", baseURL: "http://127.0.0.1:1", model: "m", teacherFingerprint: "f",
    terms: "allowed", capabilities: "{}", samplingTemperature: 0.7, maxTokens: 64, topK: 5, seed: 3,
    corpusSHA256: "c")

  private func captures(_ ids: Range<Int64>, seed: UInt64) -> [Capture] {
    var random = SplitMix64(seed: seed)
    func bytes() -> [UInt8] {
      (0..<Int.random(in: 0...6, using: &random)).map { _ in .random(in: 0...255, using: &random) }
    }
    return ids.map { id in
      var tokens = CapturedTokens()
      for _ in 0..<Int.random(in: 0...5, using: &random) {
        tokens.append(bytes(), id: .random(in: -1...9, using: &random), logprob: -0.5)
        for _ in 0..<Int.random(in: 0...4, using: &random) {
          tokens.appendCandidate(
            bytes(), id: .random(in: -1...9, using: &random),
            logprob: .random(in: -9...0, using: &random))
        }
      }
      tokens.promptCount = Int.random(in: 0...tokens.count, using: &random)
      return Capture(
        id: id, prompt: "prompt é \(id)", text: id % 3 == 0 ? "" : "text 🦊 \(id)", tokens: tokens,
        finishReason: "stop", model: "m-1", fingerprint: "", promptTokens: id % 2 == 0 ? 7 : nil,
        completionTokens: id % 2 == 0 ? nil : 0, latencySeconds: 0.25 * Double(id))
    }
  }

  private func read() throws -> [Capture] {
    var all: [Capture] = []
    try CaptureReader(folder: folder.url).forEachGroup {
      all += $0
      return true
    }
    return all
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `captures come back as they were, whatever they hold`(seed: UInt64) throws {
    let first = captures(0..<300, seed: seed)
    let second = captures(300..<310, seed: seed)
    let writer = try CaptureShardWriter(folder: folder.url, metadata: metadata)
    #expect(try writer.write(first, shard: 0).count == 300)
    // Shard 1 may hold nothing but poisoned prompts, and is then never written.
    let summary = try writer.write(second, shard: 2)
    #expect(summary.file == "capture_shard_002.parquet")
    #expect(try read() == first + second)
    let reader = try CaptureReader(folder: folder.url)
    #expect(reader.metadata == metadata && reader.count == 310)
    #expect(try CaptureReader.shardNumbers(in: folder.url) == [0, 2])
  }

  @Test func `captures of another collection are refused`() throws {
    _ = try CaptureShardWriter(folder: folder.url, metadata: metadata)
      .write(captures(0..<2, seed: 1), shard: 0)
    var other = metadata
    other.model = "another"
    #expect(throws: TraceError.self) {
      try CaptureShardWriter(folder: folder.url, metadata: other)
    }
    _ = try CaptureShardWriter(folder: folder.url, metadata: metadata)
  }

  @Test func `a folder without captures, and a damaged shard, are named`() throws {
    #expect {
      try CaptureReader(folder: folder.url)
    } throws: { ($0 as? TraceError)?.problem == .noCaptures }
    let summary = try CaptureShardWriter(folder: folder.url, metadata: metadata)
      .write(captures(0..<9, seed: 4), shard: 0)
    let file = folder[summary.file]
    var bytes = try Data(contentsOf: file)
    for place in 4..<bytes.count / 2 { bytes[place] ^= 0x5A }
    try bytes.write(to: file)
    #expect(throws: TraceError.self) { try read() }
    try Data(bytes.prefix(bytes.count / 2)).write(to: file)
    #expect(throws: TraceError.self) { try read() }
  }

  @Test func `tokens are what their arrays say, and none where these contradict each other`() throws
  {
    func tokens(
      bytes: [UInt8] = [1, 2, 3], ends: [Int32] = [1, 3], ids: [Int32] = [4, 5],
      candidateEnds: [Int32] = [0, 2], candidateByteEnds: [Int32] = [1, 1],
      candidateIDs: [Int32] = [6, 7]
    ) -> CapturedTokens? {
      CapturedTokens(
        bytes: bytes, ends: ends, ids: ids, logprobs: [-1, -2], candidateEnds: candidateEnds,
        candidateBytes: [9], candidateByteEnds: candidateByteEnds, candidateIDs: candidateIDs,
        candidateLogprobs: [-3, -4])
    }
    var expected = CapturedTokens()
    expected.append([1], id: 4, logprob: -1)
    expected.append([2, 3], id: 5, logprob: -2)
    expected.appendCandidate([9], id: 6, logprob: -3)
    expected.appendCandidate(1..<1, of: [9], id: 7, logprob: -4)
    #expect(tokens() == expected)
    #expect(tokens(bytes: [1, 2]) == nil)
    #expect(tokens(ends: [3, 1]) == nil)
    #expect(tokens(ids: [4]) == nil)
    #expect(tokens(candidateEnds: [0, 1]) == nil)
    #expect(tokens(candidateByteEnds: [1, 2]) == nil)
    #expect(tokens(candidateIDs: [6]) == nil)
  }
}
