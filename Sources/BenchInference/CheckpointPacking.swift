import ArgumentParser
import Checkpoints
import Foundation
import Inference
import Kernels
import Transformer

/// How long the first start of a checkpoint takes, and what memory: it is packed tensor by tensor,
/// written, and mapped.
struct CheckpointPacking: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack", abstract: "Pack a checkpoint as its first start does, up to a token.")

  @Option(help: "A folder with config.json of Hugging Face's and safetensors.") var checkpoint:
    String
  @Option(help: "Where the packed model goes.") var file: String
  @Option(help: "How embedding and head are stored.") var embeddings: DenseWeights.Storage = .int8
  @Option(help: "Compute threads.") var threads: Int = 1

  /// One line of output.
  private struct Line: Encodable {
    let packSeconds: Double
    let writeSeconds: Double
    let firstTokenSeconds: Double
    let peakRssBytes: Int?
    let weightBytes: Int
  }

  func run() throws {
    let clock = ContinuousClock()
    let folder = URL(fileURLWithPath: checkpoint)
    let team = ComputeTeam(threadCount: threads)
    let json = try Data(contentsOf: folder.appendingPathComponent("config.json"))
    let start = clock.now
    let packed = try InferenceModel(
      ModelWeights(folder), configuration: ModelConfiguration(huggingFace: json),
      embeddings: embeddings, team: team)
    let written = clock.now
    let url = URL(fileURLWithPath: file)
    try PackedModelFile.write(packed, to: url)
    let opened = clock.now
    let model = try PackedModelFile.open(url)
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 16, team: team)
    _ = try session.prefill([1], sequence: 0)
    let line = Line(
      packSeconds: (written - start) / .seconds(1), writeSeconds: (opened - written) / .seconds(1),
      firstTokenSeconds: (clock.now - opened) / .seconds(1),
      peakRssBytes: ModelLoad.peakResidentBytes, weightBytes: model.bytes.total)
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    print(String(decoding: try encoder.encode(line), as: UTF8.self))
  }
}
