import Checkpoints
import Foundation
import Kernels
import Transformer

@testable import Distillation

/// Small runs for the trainer's tests.
enum TrainingFixture {
  static let vocabularySize = 61

  static func configuration(
    quantization: ModelConfiguration.Quantization = .ternary, tied: Bool = true
  ) -> ModelConfiguration {
    ModelConfiguration(
      vocabSize: vocabularySize, hiddenSize: 16, intermediateSize: 32, numHiddenLayers: 2,
      numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 8, tieWordEmbeddings: tied,
      subNorm: quantization == .ternary, quantization: quantization,
      usesHadamard: quantization == .ternary, maxPositionEmbeddings: 64)
  }

  static func recipe(
    method: TrainingRecipe.Method = .distill, batchSize: Int = 3, accumulation: Int = 2,
    steps: Int = 12, precision: TrainingRecipe.Precision = .fp32, flip: FlipRecipe? = nil,
    losses: LossWeights? = nil, optimizer: TrainingRecipe.Optimizer = .init(learningRate: 0.01)
  ) -> TrainingRecipe {
    TrainingRecipe(
      method: method, sequenceLength: 24, batchSize: batchSize, accumulation: accumulation,
      steps: steps, optimizer: optimizer,
      schedule: LearningRateSchedule(kind: .cosine, warmupSteps: min(2, steps - 1)), losses: losses,
      flip: flip,
      precision: precision, seed: 3, logEvery: 2)
  }

  /// Texts of a simple rule (each token is the one before plus one of two steps), with a teacher
  /// that knows the rule, prompts without a loss, and some rows without a signal.
  static func data(count: Int = 20, seed: UInt64 = 1) -> InMemoryData {
    var random = SplitMix64(seed: seed)
    return InMemoryData((0..<count).map { _ in sequence(using: &random) })
  }

  private static func sequence(using random: inout SplitMix64) -> TrainingSequence {
    let length = Int.random(in: 6...24, using: &random)
    var tokens = [Int32.random(in: 0..<Int32(vocabularySize), using: &random)]
    var ids: [Int32] = [-1, -1, -1]
    var logprobs: [Float] = [-.infinity, -.infinity, -.infinity]
    var others: [Float] = [0]
    while tokens.count < length {
      let size = Int32(vocabularySize)
      let candidates = [
        (tokens[tokens.count - 1] + 1) % size, (tokens[tokens.count - 1] + 7) % size,
      ]
      tokens.append(candidates[Int.random(in: 0..<3, using: &random) == 0 ? 1 : 0])
      let hasSignal = tokens.count % 5 != 0
      ids += hasSignal ? candidates + [-1] : [-1, -1, -1]
      logprobs +=
        hasSignal
        ? [Float(log(0.6)), Float(log(0.3)), -.infinity] : [-.infinity, -.infinity, -.infinity]
      others.append(hasSignal ? Float(log(0.1)) : 0)
    }
    return TrainingSequence(
      tokens: tokens, lossMask: tokens.indices.map { $0 >= 2 },
      isStruct: tokens.map { $0 % 4 == 0 },
      teacher: TeacherSignal(
        candidateCount: 3, ids: ids, logprobs: logprobs, otherLogprobs: others))
  }

  static func trainer(
    _ recipe: TrainingRecipe = recipe(), configuration: ModelConfiguration = configuration(),
    data: InMemoryData = data(), threads: Int = 1
  ) throws -> Trainer {
    try Trainer(
      recipe: recipe, configuration: configuration, data: data,
      team: ComputeTeam(threadCount: threads))
  }

  /// Calls `body` with a fresh folder, and removes it.
  static func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("distillation-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }
}

extension Trainer {
  var weights: [Float] {
    Array(UnsafeBufferPointer(start: parameters.values, count: parameters.layout.count))
  }

  /// What tells these weights from all others; short in a failure's message.
  var weightsDigest: String {
    ChecksumList.digest(of: weights.withUnsafeBytes { Data($0) })
  }

  var gradientValues: [Float] {
    Array(UnsafeBufferPointer(start: gradients.values, count: gradients.layout.count))
  }

  /// Runs to the end of the recipe.
  @discardableResult
  func finish() throws -> [StepReport] {
    var reports: [StepReport] = []
    while state.step < recipe.steps { reports.append(try step()) }
    return reports
  }
}
