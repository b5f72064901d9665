import Checkpoints
import Foundation
import Inference
import Kernels
import TestSupport
import Testing
import Transformer

struct PackedModelFileTests {
  let team = ComputeTeam(threadCount: 2)

  private func logits(_ model: InferenceModel) throws -> [Float] {
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 64, team: team)
    return Array(try session.prefill([1, 2, 3, 4, 5], sequence: 0))
  }

  @Test(arguments: Fixture.allCases, DenseWeights.Storage.allCases)
  func `a model that was written and mapped computes the same bits`(
    fixture: Fixture, storage: DenseWeights.Storage
  ) throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("model.packed.safetensors")
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(),
      storage: storage == .int4 ? .int8 : .bf16, embeddings: storage, team: team)
    try PackedModelFile.write(model, to: file)
    let mapped = try PackedModelFile.open(file)
    #expect(mapped.configuration == model.configuration)
    #expect(mapped.bytes == model.bytes)
    #expect(try logits(mapped) == logits(model))
  }

  @Test func `damaged and hostile files are errors, whatever byte was changed`() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("model.packed.safetensors")
    let model = try InferenceModel(
      configuration: Fixture.student.configuration, parameters: Fixture.student.parameters(),
      embeddings: .int8, team: team)
    try PackedModelFile.write(model, to: file)
    let whole = try Data(contentsOf: file)
    let headerBytes = 8 + Int(whole.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
    var random = SplitMix64(seed: 77)
    var refused = 0
    for attempt in 0..<300 {
      var bytes = whole
      switch attempt % 3 {
      case 0: bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
      case 1:
        bytes[Int.random(in: 0..<headerBytes, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      default:
        // A digit of a size, an offset or a count.
        let digits = (8..<headerBytes).filter { (48...57).contains(bytes[$0]) }
        bytes[digits.randomElement(using: &random)!] = UInt8.random(in: 48...57, using: &random)
      }
      let damaged = folder.url.appendingPathComponent("damaged-\(attempt)")
      try bytes.write(to: damaged)
      do throws(PackedModelError) {
        // A change that happens to leave a valid model must run.
        let model = try PackedModelFile.open(damaged)
        _ = try? logits(model)
      } catch { refused += 1 }
      try FileManager.default.removeItem(at: damaged)
    }
    #expect(refused > 200)
  }

  @Test func `other files are named as what they are not`() throws {
    let folder = try TemporaryFolder()
    let file = folder.url.appendingPathComponent("plain.safetensors")
    try SafetensorsWriter.write(to: file, tensors: [])
    #expect(throws: PackedModelError.notPacked(path: file.path)) {
      _ = try PackedModelFile.open(file)
    }
    let missing = folder.url.appendingPathComponent("missing")
    #expect(throws: PackedModelError.self) { _ = try PackedModelFile.open(missing) }
  }
}
