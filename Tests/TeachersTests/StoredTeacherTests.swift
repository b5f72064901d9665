import Checkpoints
import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

@testable import Teachers
@testable import Traces

struct StoredTeacherTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  /// The tiny teacher as a checkpoint whose tensors are of `type`: BF16, F16 or F32.
  private func write(_ tiny: TinyTeacher, as type: String) throws -> ModelWeights {
    var entries: [String] = []
    var data: [UInt8] = []
    for view in tiny.parameters.layout.views {
      let start = data.count
      for index in 0..<view.count {
        let value = tiny.parameters.values[view.offset + index]
        switch type {
        case "BF16":
          withUnsafeBytes(of: UInt16(value.bitPattern >> 16)) { data.append(contentsOf: $0) }
        case "F16":
          withUnsafeBytes(of: Float16(value).bitPattern) { data.append(contentsOf: $0) }
        default: withUnsafeBytes(of: value.bitPattern) { data.append(contentsOf: $0) }
        }
      }
      entries.append(
        "\"\(view.name)\":{\"dtype\":\"\(type)\",\"shape\":\(view.shape),"
          + "\"data_offsets\":[\(start),\(data.count)]}")
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    header.append(contentsOf: repeatElement(32, count: (8 - header.count % 8) % 8))
    let length = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init)
    try Data(length + header + data).write(to: folder["model.safetensors"])
    return try ModelWeights(folder.url)
  }

  /// The same weights, as they come back from the checkpoint, in fp32.
  private func parameters(_ tiny: TinyTeacher, _ weights: ModelWeights) throws -> Parameters {
    let parameters = Parameters(layout: tiny.parameters.layout)
    for view in parameters.layout.views {
      try weights.copy(
        view.name, shape: view.shape, isTernary: false, into: parameters.values + view.offset)
    }
    return parameters
  }

  @Test(arguments: ["BF16", "F16", "F32"])
  func `a teacher over stored weights says what one over fp32 copies of them says`(
    type: String
  )
    throws
  {
    let tiny = TinyTeacher()
    let weights = try write(tiny, as: type)
    let copies = try LocalTeacher(
      configuration: tiny.configuration, parameters: parameters(tiny, weights), maximumLength: 20,
      batchRows: 40, team: ComputeTeam(threadCount: 2))
    let stored = try LocalTeacher(
      weights, configuration: tiny.configuration, maximumLength: 20, batchRows: 40,
      precision: .fp32, team: ComputeTeam(threadCount: 2))
    let texts = tiny.texts(count: 9)
    let expected = try #require(try copies.score(texts, choice: .top(6)))
    let found = try #require(try stored.score(texts, choice: .top(6)))
    for (one, other) in zip(expected, found) {
      #expect(one.topKIDs == other.topKIDs)
      for (a, b) in zip(one.topKLogprobs, other.topKLogprobs) where a.isFinite {
        #expect(abs(a - b) < 1e-4)
      }
    }
  }

  @Test func `weights in bf16 compute in bf16, near the exact values`() throws {
    let tiny = TinyTeacher()
    let weights = try write(tiny, as: "BF16")
    let copies = try LocalTeacher(
      configuration: tiny.configuration, parameters: parameters(tiny, weights), maximumLength: 20,
      batchRows: 40, team: ComputeTeam(threadCount: 2))
    let stored = try LocalTeacher(
      weights, configuration: tiny.configuration, maximumLength: 20, batchRows: 40,
      team: ComputeTeam(threadCount: 2))
    let texts = tiny.texts(count: 9)
    let expected = try #require(try copies.score(texts, choice: .top(23)))
    let found = try #require(try stored.score(texts, choice: .top(23)))
    for (one, other) in zip(expected, found) {
      for row in 0..<one.count where one.candidateCounts[row] > 0 {
        func masses(_ trace: TraceSequence) -> [Int32: Double] {
          let place = row * 23..<(row + 1) * 23
          return Dictionary(
            uniqueKeysWithValues: zip(
              trace.topKIDs[place], trace.topKLogprobs[place].map { exp(Double($0)) }))
        }
        let (exact, rounded) = (masses(one), masses(other))
        let distance = exact.reduce(0) { $0 + abs($1.value - (rounded[$1.key] ?? 0)) } / 2
        // Eight bits of significand through two blocks.
        #expect(distance < 0.1)
      }
    }
  }
}
