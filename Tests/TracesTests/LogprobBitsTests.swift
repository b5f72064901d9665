import Foundation
import TestSupport
import Testing

@testable import Traces

struct LogprobBitsTests {
  @Test func `sixteen bits are float16's rounding, and keep the order`() {
    var random = SplitMix64(seed: 3)
    var before = -Float.infinity
    for value in (0..<20_000).map({ _ in -Float.random(in: 1e-4...30, using: &random) }).sorted() {
      let stored = LogprobBits.sixteen.stored(value)
      #expect(stored == Float(Float16(value)))
      #expect(abs(stored - value) <= abs(value) / 2048 && stored >= before)
      before = stored
    }
    for value in [0, -Float.infinity, -0.0] {
      #expect(LogprobBits.sixteen.stored(value) == value)
    }
    #expect(LogprobBits.thirtyTwo.stored(-0.123456789) == -0.123456789)
  }

  @Test func `a trace of sixteen bits is valid and smaller, and says so`() throws {
    let folder = try TemporaryFolder()
    var sizes: [Int] = []
    for bits in [LogprobBits.thirtyTwo, .sixteen] {
      let url = folder["\(bits.rawValue)"]
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
      var metadata = TraceMetadata.example
      metadata.topK = 20
      metadata.logprobBits = bits
      var random = SplitMix64(seed: 1)
      let writer = try TraceShardWriter(folder: url, metadata: metadata)
      for id in 0..<40 as Range<Int64> {
        _ = try writer.append(.random(id: id, count: 100, topK: 20, using: &random))
      }
      sizes.append(try #require(try writer.finish()).bytes)
      let trace = try TraceSet(folder: url)
      #expect(trace.metadata.logprobBits == bits)
      #expect(try QualityReport(reading: trace).invalidRows == 0)
    }
    #expect(Double(sizes[1]) < 0.8 * Double(sizes[0]))
  }
}
