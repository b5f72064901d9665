import Kernels
import Testing
import Transformer

@testable import Distillation

struct LossCurvesTests {
  @Test func `noise is what seeds differ by, and a shift beyond it is seen`() {
    let reference = [[4.0, 2, 1, 1], [5, 3, 1, 1.2]]
    let close = [[4.4, 2.4, 1, 1.1], [5.4, 3.4, 1, 1.2]]
    let curves = LossCurves(reference: reference, other: close, windowSteps: 2)
    #expect(curves.windows.map(\.steps) == [0..<2, 2..<4])
    #expect(curves.windows.map(\.reference) == [3.5, 1.05])
    // The seeds of the second window lie close; its neighbour says that this is luck.
    for window in curves.windows { #expect(abs(window.noise - 1) < 1e-12) }
    #expect(abs(curves.windows[0].difference - 0.4) < 1e-12)
    #expect(curves.outside.isEmpty)
    let far = close.map { $0.map { $0 + 1.1 } }
    #expect(
      LossCurves(reference: reference, other: far, windowSteps: 2).outside.map(\.steps)
        == [0..<2, 2..<4])
  }

  /// 300 steps of the small model, with 3 seeds, in fp32 and in what a bf16 run may compute in.
  /// `bench/training.sh curves` does the same with real text.
  @Test(arguments: [ProductPrecision.bf16, .int16])
  func `the curve of rounded products stays within the noise of fp32`(
    rounded: ProductPrecision
  ) throws {
    func curves(_ products: ProductPrecision) throws -> [[Double]] {
      try (1...3).map { seed in
        var recipe = TrainingFixture.recipe(batchSize: 4, accumulation: 1, steps: 300)
        recipe.precision = products == .fp32 ? .fp32 : .bf16
        recipe.seed = UInt64(seed)
        let (configuration, data) = (TrainingFixture.configuration(), TrainingFixture.data())
        let parameters = Trainer.randomParameters(configuration, seed: recipe.seed)
        let trainer = try Trainer(
          state: TrainerState(
            recipe: recipe,
            identity: Trainer.identity(recipe: recipe, configuration: configuration, data: data)),
          configuration: configuration, data: data, teacher: nil, parameters: parameters,
          optimizer: OptimizerState(layout: parameters.layout), productPrecision: products,
          team: ComputeTeam(threadCount: 1))
        return try trainer.finish().map(\.loss)
      }
    }
    let (fp32, other) = (try curves(.fp32), try curves(rounded))
    #expect(fp32 != other)
    let curves = LossCurves(reference: fp32, other: other, windowSteps: 50)
    for window in curves.outside {
      Issue.record(
        "steps \(window.steps): \(window.other) for \(window.reference) ± \(window.noise)")
    }
  }
}
