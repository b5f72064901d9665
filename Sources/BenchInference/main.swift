import ArgumentParser
import Foundation
import Inference
import Kernels
import Transformer

/// What can be measured of inference.
struct BenchInference: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures inference; see bench/README.md.",
    subcommands: [InferenceSpeed.self, CheckpointPacking.self, ModelLoad.self, StorageCost.self],
    defaultSubcommand: InferenceSpeed.self)
}

/// Measures prefill and decode of a model of random weights, and prints one line per measure.
struct InferenceSpeed: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "speed", abstract: "Tokens a second of a model of random weights.")

  @Option(help: "The model's shape.") var shape: InferenceShape = .bitnet2B4T
  @Option(help: "What to measure; may be repeated.") var measure: [InferenceMeasure] = [.decode]
  @Option(help: "Compute threads.") var threads: Int = 1
  @Option(help: "Timed runs of each measure.") var runs: Int = 5
  @Option(help: "How embedding and head are stored.") var embeddings: DenseWeights.Storage = .int8
  @Option(help: "Tokens of a decode run; prefill reads 512.") var tokens: Int = 32
  @Flag(help: "Full-precision projections, at bf16, instead of ternary ones.") var dense = false
  @Option(help: "A packed model to map; made when it is not there.") var file: String?
  @Option(help: "What the machine reads from memory with these threads, GB/s.") var bandwidth:
    Double?
  @Option(help: "The machine's integer multiply-adds with these threads, 10^9 a second (vpdpbusd).")
  var multiplyAdds: Double?

  func run() throws {
    let team = ComputeTeam(threadCount: threads)
    let model = try model(team)
    for measure in measure {
      let speed = try SpeedMeasurement(
        measure, model: model, tokens: measure == .prefill ? 512 : tokens, runs: runs, team: team)
      print(try line(measure, speed).json)
    }
  }

  private func model(_ team: ComputeTeam) throws -> InferenceModel {
    let url = file.map { URL(fileURLWithPath: $0) }
    if let url, FileManager.default.fileExists(atPath: url.path) {
      return try PackedModelFile.open(url)
    }
    var configuration = try shape.configuration
    if dense { configuration.quantization = .none }
    let model = try InferenceModel.random(
      configuration: configuration, seed: 1, embeddings: embeddings, team: team)
    if let url { try PackedModelFile.write(model, to: url) }
    return model
  }

  private func line(_ measure: InferenceMeasure, _ speed: SpeedMeasurement) -> InferenceLine {
    let limit: Double? =
      switch measure {
      case .prefill: multiplyAdds.map { $0 * 1e9 / Double(speed.projectionWeights) }
      case .decode: bandwidth.map { $0 * 1e9 / Double(speed.weightBytes) }
      case .batch8: bandwidth.map { 8 * $0 * 1e9 / Double(speed.weightBytes) }
      }
    let precision = dense ? "-bf16" : ""
    return InferenceLine(
      benchCase: "\(shape.shortName)\(precision)-\(measure.rawValue)", threads: threads,
      rates: speed.rates, limit: limit)
  }
}

BenchInference.main()
