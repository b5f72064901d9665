import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

struct QuantizationRampTests {
  private func recipe(ramp: Int?, steps: Int = 8, accumulation: Int = 1) -> TrainingRecipe {
    var recipe = TrainingFixture.recipe(accumulation: accumulation, steps: steps)
    recipe.quantizationRamp = ramp.map { QuantizationRamp(steps: $0) }
    return recipe
  }

  @Test func `the strength rises in a line and ends in integers`() {
    let ramp = QuantizationRamp(steps: 4)
    #expect((0..<6).map { ramp.strength(atStep: $0) } == [0, 0.25, 0.5, 0.75, nil, nil])
  }

  @Test func `a run reports its strength, learns, and validates the quantized model`() throws {
    let trainer = try TrainingFixture.trainer(recipe(ramp: 30, steps: 80))
    let before = try trainer.validate(on: TrainingFixture.data(seed: 2))
    let plain = try TrainingFixture.trainer(recipe(ramp: nil, steps: 80))
    #expect(try plain.validate(on: TrainingFixture.data(seed: 2)) == before)
    let first = try trainer.step()
    #expect(first.quantizationStrength == 0)
    #expect(first.metrics.contains { $0.name == "quantization_strength" && $0.value == 0 })
    try trainer.finish()
    #expect(trainer.lastReport?.quantizationStrength == nil)
    let after = try trainer.validate(on: TrainingFixture.data(seed: 2))
    #expect(after.terms.ce < 0.8 * before.terms.ce)
  }

  @Test(arguments: [1, 2])
  func `a run resumed within its ramp ends with the same bits`(accumulation: Int) throws {
    try TrainingFixture.withFolder { folder in
      let recipe = recipe(ramp: 5, accumulation: accumulation)
      let whole = try TrainingFixture.trainer(recipe)
      try whole.finish()
      for stop in [2, 5, 6] {
        let trainer = try TrainingFixture.trainer(recipe)
        for _ in 0..<stop { try trainer.step() }
        // A validation in between frees the ramp's memory and changes nothing.
        try trainer.validate(on: TrainingFixture.data(seed: 2))
        let checkpoint = folder.appendingPathComponent("at-\(stop)")
        try trainer.writeCheckpoint(to: checkpoint)
        let resumed = try Trainer.resume(
          from: checkpoint, recipe: recipe, configuration: trainer.configuration,
          data: TrainingFixture.data(), team: trainer.team)
        try resumed.finish()
        #expect(resumed.weightsDigest == whole.weightsDigest, "stopped at \(stop)")
      }
    }
  }

  @Test func `after the ramp a run goes on as one without from the same weights`() throws {
    let ramped = try TrainingFixture.trainer(recipe(ramp: 3))
    for _ in 0..<3 { try ramped.step() }
    var state = ramped.state
    state.recipe.quantizationRamp = nil
    let layout = ramped.parameters.layout
    let (parameters, optimizer) = (Parameters(layout: layout), OptimizerState(layout: layout))
    for (copy, original) in [
      (parameters.values, ramped.parameters.values),
      (optimizer.firstMoments.pointer, ramped.optimizer.firstMoments.pointer),
      (optimizer.secondMoments.pointer, ramped.optimizer.secondMoments.pointer),
    ] { copy.update(from: original, count: layout.count) }
    let plain = try Trainer(
      state: state, configuration: ramped.configuration, data: TrainingFixture.data(),
      teacher: nil, parameters: parameters, optimizer: optimizer, team: ramped.team)
    try ramped.step()
    try plain.step()
    #expect(plain.weightsDigest == ramped.weightsDigest)
  }

  @Test func `a ramp without quantization, or without a step, is refused`() {
    #expect(
      throws: TrainingError.invalidRecipe([
        "quantization_ramp needs a model with quantization ternary"
      ])
    ) {
      try TrainingFixture.trainer(
        recipe(ramp: 3), configuration: TrainingFixture.configuration(quantization: .none))
    }
    #expect(recipe(ramp: 0).problems == ["quantization_ramp.steps must be at least 1"])
  }
}
