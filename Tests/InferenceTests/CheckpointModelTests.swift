import Checkpoints
import Foundation
import Inference
import Kernels
import TestSupport
import Testing
import Transformer

struct CheckpointModelTests {
  let team = ComputeTeam(threadCount: 2)

  private func logits(_ model: InferenceModel) throws -> [Float] {
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 64, team: team)
    return Array(try session.prefill([1, 2, 3, 4, 5], sequence: 0))
  }

  /// A checkpoint whose matrices are stored as `type`, and the parameters that it then holds.
  private func checkpoint(
    _ fixture: Fixture, as type: SafetensorsType, in folder: TemporaryFolder
  ) throws -> (weights: ModelWeights, parameters: Parameters) {
    let parameters = fixture.parameters()
    var stored: [[UInt16]] = []
    var tensors: [SafetensorsWriter.Tensor] = []
    for view in parameters.layout.views {
      let values = parameters.values + view.offset
      guard view.isMatrix, type == .bfloat16 else {
        tensors.append(.init(name: view.name, shape: view.shape, values: values))
        continue
      }
      // Cut, not rounded: what is stored is then exact.
      for index in 0..<view.count {
        values[index] = Float(bitPattern: values[index].bitPattern & 0xFFFF_0000)
      }
      let halves = (0..<view.count).map { UInt16(values[$0].bitPattern >> 16) }
      stored.append(halves)
      tensors.append(
        .init(name: view.name, type: .bfloat16, shape: view.shape) { file throws(FileError) in
          var failure: FileError?
          halves.withUnsafeBytes { bytes in
            do throws(FileError) { try file.write(bytes) } catch { failure = error }
          }
          if let failure { throw failure }
        })
    }
    try SafetensorsWriter.write(to: folder["model.safetensors"], tensors: tensors)
    return (try ModelWeights(folder.url), parameters)
  }

  @Test(arguments: Fixture.allCases, [SafetensorsType.float32, .bfloat16])
  func `a model that is packed tensor by tensor computes the bits of its parameters`(
    fixture: Fixture, type: SafetensorsType
  ) throws {
    let folder = try TemporaryFolder()
    let (weights, parameters) = try checkpoint(fixture, as: type, in: folder)
    for storage in DenseWeights.Storage.allCases {
      let projections: DenseWeights.Storage = storage == .int4 ? .int8 : storage
      let expected = try InferenceModel(
        configuration: fixture.configuration, parameters: parameters, storage: projections,
        embeddings: storage, team: team)
      let model = try InferenceModel(
        weights, configuration: fixture.configuration, storage: projections, embeddings: storage,
        team: team)
      #expect(model.bytes == expected.bytes)
      #expect(try logits(model) == logits(expected), "\(storage)")
    }
  }

  @Test func `rows that are too long for exact sums are refused before they are read`() throws {
    let folder = try TemporaryFolder()
    let (weights, _) = try checkpoint(.student, as: .float32, in: folder)
    var wide = Fixture.student.configuration
    wide.intermediateSize = PackedTernary.columnLimit
    #expect {
      try InferenceModel(weights, configuration: wide, team: team)
    } throws: {
      ($0 as? ModelConfigurationError)?.description.contains("down_proj") == true
    }
  }

  @Test func `what lacks a tensor, or has it as something else, is refused by its name`() throws {
    let folder = try TemporaryFolder()
    var missing = Fixture.student.configuration
    missing.qkNorm = true
    let (weights, _) = try checkpoint(.student, as: .bfloat16, in: folder)
    #expect {
      try InferenceModel(weights, configuration: missing, team: team)
    } throws: {
      ($0 as? SafetensorsError)?.description.contains("q_norm") == true
    }
  }
}
