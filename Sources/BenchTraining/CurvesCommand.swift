import ArgumentParser
import Distillation
import Foundation
import Kernels
import Transformer

/// Trains the same small student on real text in fp32 and bf16, and holds the curves together.
struct CurvesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "curves",
    abstract: "Check that bf16's loss curve lies within the noise of fp32's, on real text.")

  @Argument(help: "A text file; its bytes are the tokens.")
  var text: String
  @Option(help: "Steps of each training.")
  var steps = 300
  @Option(help: "Seeds of each precision.")
  var seeds = 3
  @Option(help: "Threads of the compute team.")
  var threads = 2

  func run() throws {
    let bytes = try Data(contentsOf: URL(fileURLWithPath: text)).prefix(1 << 20)
    let data = InMemoryData(TrainingSequence.windows(of: bytes.map(Int32.init), length: 128))
    guard data.count >= 8 else { throw ValidationError("\(text) is too short to train on") }
    let team = ComputeTeam(threadCount: threads)
    func curves(_ precision: TrainingRecipe.Precision) throws -> [[Double]] {
      try (0..<seeds).map { try curve(precision, seed: UInt64($0) + 1, data, team) }
    }
    let comparison = LossCurves(
      reference: try curves(.fp32), other: try curves(.bf16), windowSteps: 50)
    print("| steps | fp32 | bf16 | difference | noise (spread of \(seeds) seeds) |")
    print("| --- | --- | --- | --- | --- |")
    for window in comparison.windows {
      print(
        String(
          format: "| %d–%d | %.4f | %.4f | %.4f | %.4f |", window.steps.lowerBound,
          window.steps.upperBound - 1, window.reference, window.other, window.difference,
          window.noise))
    }
    guard comparison.outside.isEmpty else {
      throw ValidationError("\(comparison.outside.count) windows lie outside of the noise")
    }
  }

  private func curve(
    _ precision: TrainingRecipe.Precision, seed: UInt64, _ data: InMemoryData, _ team: ComputeTeam
  ) throws -> [Double] {
    let trainer = try Trainer(
      recipe: TrainingRecipe(
        method: .direct, sequenceLength: 128, batchSize: 8, steps: steps,
        optimizer: TrainingRecipe.Optimizer(learningRate: 2e-3),
        schedule: LearningRateSchedule(kind: .cosine, warmupSteps: 20), precision: precision,
        seed: seed, logEvery: .max),
      configuration: ModelConfiguration(
        vocabSize: 256, hiddenSize: 128, intermediateSize: 384, numHiddenLayers: 4,
        numAttentionHeads: 4, headDim: 32, tieWordEmbeddings: true, subNorm: true,
        quantization: .ternary),
      data: data, team: team)
    return try (0..<steps).map { _ in try trainer.step().loss }
  }
}
