import Kernels
import Testing
import Transformer

@testable import Distillation

struct HeadGradientPiecesTests {
  /// Wide beside its rows, and with a vocabulary of several pieces.
  private func configuration(tied: Bool) -> ModelConfiguration {
    ModelConfiguration(
      vocabSize: 700, hiddenSize: 64, intermediateSize: 32, numHiddenLayers: 2,
      numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 32, tieWordEmbeddings: tied,
      subNorm: true, quantization: .ternary, usesHadamard: true, maxPositionEmbeddings: 64)
  }

  private func recipe(
    _ precision: TrainingRecipe.Precision, accumulation: Int = 1
  ) -> TrainingRecipe {
    var recipe = TrainingFixture.recipe(
      batchSize: 1, accumulation: accumulation, steps: 6, precision: precision)
    // So small that every step is clipped: the norm counts.
    recipe.optimizer.clipNorm = 0.01
    return recipe
  }

  private func trainer(
    _ recipe: TrainingRecipe, tied: Bool, place: HeadGradientPlace?, threads: Int = 2
  ) throws -> Trainer {
    let (configuration, data) = (configuration(tied: tied), TrainingFixture.data())
    let parameters = Trainer.randomParameters(configuration, seed: 5)
    return try Trainer(
      state: TrainerState(
        recipe: recipe,
        identity: Trainer.identity(recipe: recipe, configuration: configuration, data: data)),
      configuration: configuration, data: data, teacher: nil, parameters: parameters,
      optimizer: OptimizerState(layout: parameters.layout), headGradientPlace: place,
      team: ComputeTeam(threadCount: threads))
  }

  @Test(arguments: [TrainingRecipe.Precision.fp32, .bf16], [true, false])
  func `a head's gradient in pieces trains as one that is kept`(
    precision: TrainingRecipe.Precision, tied: Bool
  ) throws {
    let recipe = recipe(precision)
    #expect(recipe.headGradientPlace(configuration(tied: tied)) == .pieces)
    let kept = try trainer(recipe, tied: tied, place: .region)
    let pieces = try trainer(recipe, tied: tied, place: .pieces, threads: 1)
    let (keptReports, reports) = (try kept.finish(), try pieces.finish())
    for (kept, piece) in zip(keptReports, reports) {
      #expect(piece.clipFactor < 1)
      guard InstructionSet.active == .avx512 else {
        // OpenBLAS may order a sum by the product's shape.
        #expect(abs(piece.loss - kept.loss) < 1e-4 * kept.loss)
        continue
      }
      #expect(piece.loss == kept.loss)
      #expect(piece.gradientNorm == kept.gradientNorm)
    }
    if InstructionSet.active == .avx512 { #expect(pieces.weightsDigest == kept.weightsDigest) }
  }

  @Test func `its part of the gradients' memory is never written`() throws {
    for tied in [true, false] {
      let trainer = try trainer(recipe(.bf16), tied: tied, place: nil)
      try trainer.finish()
      let head = trainer.gradients.layout.head
      let values = UnsafeBufferPointer(
        start: trainer.gradients.values + head.offset, count: head.count)
      #expect(values.allSatisfy { $0 == 0 })
    }
  }

  @Test func `what it saves is known before`() {
    let (recipe, configuration) = (recipe(.bf16), configuration(tied: true))
    var kept = configuration
    // One row more than half the width.
    kept.hiddenSize = 46
    #expect(recipe.headGradientPlace(kept) == .region)
    let memory = TrainingMemory(
      recipe: recipe, configuration: configuration, checkpoints: .inPlace)
    #expect(memory.gradientsBytes == memory.parametersBytes - 4 * 700 * 64)
  }

  @Test func `a gradient that has to last is kept`() {
    let configuration = configuration(tied: true)
    #expect(recipe(.fp16).headGradientPlace(configuration) == .region)
    #expect(recipe(.bf16, accumulation: 2).headGradientPlace(configuration) == .region)
  }

  @Test(arguments: [0, 3])
  func `pieces are rows of the whole, and zeros without a target`(rows: Int) throws {
    let problem = HeadProblem(rows: rows, seed: 9)
    let weights = LossWeights(kd: DistillationLoss(temperature: 1.3), ce: 0.25, format: 0.2)
    let loss = problem.makeLoss(weights, threads: 2, maximumRows: 3)
    var hidden = [Float](repeating: 0, count: problem.hidden.count)
    var whole = [Float](
      repeating: .nan, count: problem.vocabularySize * problem.width)
    var pieces = whole
    hidden.withUnsafeMutableBufferPointer { hidden in
      whole.withUnsafeMutableBufferPointer { whole in
        _ = loss(
          hidden: problem.hidden, head: problem.head, targets: problem.targets,
          gradient: HeadLoss.Gradient(
            hidden: hidden, head: whole.baseAddress, targets: rows, structuralTargets: rows,
            writing: .set))
      }
    }
    pieces.withUnsafeMutableBufferPointer { pieces in
      for first in stride(from: 0, to: problem.vocabularySize, by: 20) {
        let tokens = first..<min(problem.vocabularySize, first + 20)
        loss.headGradient(of: tokens, into: pieces.baseAddress! + first * problem.width)
      }
    }
    // OpenBLAS, which other instruction sets use, may order a sum by the product's shape.
    for (piece, kept) in zip(pieces, whole) {
      #expect(InstructionSet.active == .avx512 ? piece == kept : abs(piece - kept) < 1e-5)
    }
    #expect(rows > 0 || pieces.allSatisfy { $0 == 0 })
  }
}
