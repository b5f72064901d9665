import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

struct TrainerTests {
  @Test(arguments: TrainingRecipe.Precision.allCases)
  func `the student learns the rule`(precision: TrainingRecipe.Precision) throws {
    let trainer = try TrainingFixture.trainer(
      TrainingFixture.recipe(steps: 80, precision: precision))
    let before = try trainer.validate(on: TrainingFixture.data(seed: 2))
    try trainer.finish()
    let after = try trainer.validate(on: TrainingFixture.data(seed: 2))
    #expect(after.terms.ce < 0.7 * before.terms.ce)
    #expect(after.terms.kd < 0.6 * before.terms.kd)
    #expect(trainer.state.skippedSteps == 0)
  }

  @Test func `the gradient of a step equals central differences`() throws {
    // In full precision: a quantized forward pass is a staircase.
    let configuration = TrainingFixture.configuration(quantization: .none, tied: false)
    let data = TrainingFixture.data(count: 6)
    var recipe = TrainingFixture.recipe(batchSize: 3, accumulation: 2, steps: 1)
    recipe.optimizer.clipNorm = nil
    let trainer = try TrainingFixture.trainer(recipe, configuration: configuration, data: data)
    let start = trainer.weights
    try trainer.step()
    let gradient = trainer.gradientValues
    func loss(_ element: Int, _ value: Float) throws -> Double {
      for (index, weight) in start.enumerated() { trainer.parameters.values[index] = weight }
      trainer.parameters.values[element] = value
      return try trainer.validate(on: data).loss
    }
    for view in trainer.parameters.layout.views {
      // The largest gradient of each tensor: fp32's noise of about 1e-6 in the loss is small
      // against it.
      let range = view.offset..<view.offset + view.count
      let element = range.max { abs(gradient[$0]) < abs(gradient[$1]) } ?? view.offset
      let step: Float = 1.0 / 128
      let difference =
        (try loss(element, start[element] + step) - loss(element, start[element] - step))
        / Double(2 * step)
      let analytic = Double(gradient[element])
      #expect(abs(difference - analytic) < 2e-3 + 0.02 * abs(analytic), "\(view.name)")
    }
  }

  @Test func `AdamW follows its formula, and only matrices decay`() throws {
    let optimizer = TrainingRecipe.Optimizer(
      learningRate: 0.01, weightDecay: 0.5, clipNorm: 1e-3)
    var recipe = TrainingFixture.recipe(steps: 3, optimizer: optimizer)
    recipe.schedule = LearningRateSchedule(kind: .constant)
    let trainer = try TrainingFixture.trainer(recipe)
    var weights = trainer.weights.map(Double.init)
    var first = [Double](repeating: 0, count: weights.count)
    var second = first
    for number in 1...3 {
      let report = try trainer.step()
      let gradient = trainer.gradientValues.map(Double.init)
      let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs((report.gradientNorm ?? 0) / norm - 1) < 1e-9)
      #expect(abs(report.clipFactor * norm / 1e-3 - 1) < 1e-6)
      for view in trainer.parameters.layout.views {
        let decay = view.isMatrix ? 0.5 : 0
        for index in view.offset..<view.offset + view.count {
          let clipped = gradient[index] * min(1, 1e-3 / norm)
          first[index] = 0.9 * first[index] + 0.1 * clipped
          second[index] = 0.95 * second[index] + 0.05 * clipped * clipped
          let firstMean = first[index] / (1 - pow(0.9, Double(number)))
          let secondMean = second[index] / (1 - pow(0.95, Double(number)))
          weights[index] -=
            0.01 * (firstMean / (secondMean.squareRoot() + 1e-8) + decay * weights[index])
        }
      }
    }
    let differences = zip(trainer.weights, weights).map { abs(Double($0) - $1) }
    // Where the gradient is near 0 the update's sign is rounding; everywhere else fp32 agrees.
    let large = differences.count { $0 > 1e-5 }
    #expect(large < differences.count / 200)
  }

  @Test func `micro-batches weigh by their targets`() throws {
    // One step over all six texts, as one micro-batch, as two and as three: the same mean.
    let data = TrainingFixture.data(count: 6)
    let gradients = try [(6, 1), (3, 2), (2, 3)].map { batchSize, accumulation in
      let trainer = try TrainingFixture.trainer(
        TrainingFixture.recipe(batchSize: batchSize, accumulation: accumulation, steps: 1),
        data: data)
      try trainer.step()
      return trainer.gradientValues
    }
    let size = gradients[0].map(abs).max() ?? 0
    for other in gradients.dropFirst() {
      for (left, right) in zip(gradients[0], other) { #expect(abs(left - right) < 1e-5 * size) }
    }
  }

  @Test(arguments: TrainingRecipe.Precision.allCases)
  func `one and two threads give the same bits, and so do two runs`(
    precision: TrainingRecipe.Precision
  ) throws {
    let flip = FlipRecipe(fraction: 0.5)
    let results = try [1, 2, 2, 3].map { threads in
      let trainer = try TrainingFixture.trainer(
        TrainingFixture.recipe(precision: precision, flip: flip), threads: threads)
      let reports = try trainer.finish()
      return (trainer.weightsDigest, reports.map(\.loss))
    }
    for other in results.dropFirst() {
      #expect(other.0 == results[0].0)
      #expect(other.1 == results[0].1)
    }
  }

  @Test func `activations that are computed again give the same bits, rounded ones nearly`() throws
  {
    let results = try ActivationStorage.allCases.map { storage in
      var recipe = TrainingFixture.recipe(precision: .bf16)
      recipe.activations = storage
      let trainer = try TrainingFixture.trainer(recipe)
      return (try trainer.finish().map(\.loss), trainer.weightsDigest)
    }
    let (kept, rounded, recomputed) = (results[0], results[1], results[2])
    #expect(recomputed == kept)
    #expect(rounded.1 != kept.1)
    // bf16 keeps 8 bits: 0.4 % of each value, and less of a sum of many; later, trits have flipped, too.
    let differences = zip(kept.0, rounded.0).map { abs($0 - $1) / $0 }
    for difference in differences { #expect(difference < 0.02) }
    for difference in differences.prefix(3) { #expect(difference < 0.004) }
  }

  @Test func `activations flip to 4 bits at their time`() throws {
    let trainer = try TrainingFixture.trainer(
      TrainingFixture.recipe(steps: 10, flip: FlipRecipe(fraction: 0.5)))
    let reports = try trainer.finish()
    #expect(reports.map(\.activationBits?.rawValue) == [8, 8, 8, 8, 8, 4, 4, 4, 4, 4])
    #expect(reports.map(\.flip) == [nil, nil, nil, nil, nil, .flipped, nil, nil, nil, nil])
    #expect(trainer.health.flipDone)
    #expect(trainer.health.flip.lossBefore != nil)
  }

  @Test func `a stopped step has not happened`() throws {
    let trainer = try TrainingFixture.trainer()
    let undisturbed = try TrainingFixture.trainer()
    try undisturbed.finish()
    try trainer.step()
    let before = (trainer.weightsDigest, trainer.state)
    var asked = 0
    #expect(throws: TrainingError.cancelled) {
      // The second question comes in the middle of the accumulation.
      try trainer.step {
        asked += 1
        return asked == 2
      }
    }
    #expect(trainer.weightsDigest == before.0)
    #expect(trainer.state == before.1)
    try trainer.finish()
    #expect(trainer.weightsDigest == undisturbed.weightsDigest)
  }

  /// Where a NaN is put, and how the operation's name begins and ends that first gives one because
  /// of it. A quantizer turns a NaN into a code, so that a norm's may show on the way back only.
  static let injections: [(tensor: String, prefix: String, suffix: String)] = [
    ("model.embed_tokens.weight", "embedding", "embedding"),
    ("model.layers.1.input_layernorm.weight", "qkv", " of layer 1"),
    ("model.layers.1.self_attn.attn_sub_norm.weight", "o", " of layer 1"),
    ("model.layers.0.mlp.ffn_sub_norm.weight", "down", " of layer 0"),
    ("model.norm.weight", "final_norm", "final_norm"),
  ]

  @Test(arguments: injections)
  func `a number that is not finite is found in its step, with the operation`(
    injection: (tensor: String, prefix: String, suffix: String)
  ) throws {
    let trainer = try TrainingFixture.trainer()
    try trainer.step()
    let tensor = try #require(trainer.parameters[injection.tensor])
    for index in tensor.indices { tensor[index] = .nan }
    let before = trainer.weightsDigest
    #expect {
      try trainer.step()
    } throws: { error in
      guard case .notFinite(step: 1, _, let operation?)? = error as? TrainingError else {
        return false
      }
      return operation.hasPrefix(injection.prefix) && operation.hasSuffix(injection.suffix)
    }
    #expect(trainer.weightsDigest == before)
    #expect(trainer.state.step == 1)
  }

  @Test func `a gradient that is not finite is found in its step, with tensor and operation`()
    throws
  {
    var recipe = TrainingFixture.recipe()
    // Beyond fp32 in the product with the head, and far from it in the loss, which is a Double.
    recipe.losses = LossWeights(kd: DistillationLoss(weight: 0), ce: 3e38, format: 0)
    let trainer = try TrainingFixture.trainer(recipe)
    let before = trainer.weightsDigest
    #expect {
      try trainer.step()
    } throws: { error in
      // Which product goes beyond fp32 first depends on the order of its sums.
      guard case .notFinite(step: 0, let tensor, let operation?)? = error as? TrainingError else {
        return false
      }
      return tensor.hasPrefix("the gradient of ")
        && "\(error)".hasSuffix("the first operation that gave such a number is \(operation)")
    }
    #expect(trainer.weightsDigest == before)
    #expect(trainer.state.step == 0)
  }

  @Test func `an fp16 overflow skips the step and lowers the scale`() throws {
    var recipe = TrainingFixture.recipe(steps: 30, precision: .fp16)
    // A loss whose gradient is beyond fp16 at the first scale.
    recipe.losses = LossWeights(kd: DistillationLoss(weight: 400), ce: 0, format: 0)
    let trainer = try TrainingFixture.trainer(recipe)
    let before = trainer.weightsDigest
    let report = try trainer.step()
    #expect(report.skippedFor != nil)
    #expect(report.gradientNorm == nil)
    #expect(report.lossScale == 65536)
    #expect(trainer.weightsDigest == before)
    #expect(trainer.state.scaler?.scale == 32768)
    try trainer.finish()
    #expect(trainer.state.skippedSteps < 20)
    #expect(trainer.state.updates == 30 - trainer.state.skippedSteps)
    #expect(trainer.health.lossScale.value == trainer.state.scaler?.scale)
  }

  @Test func `every problem of a recipe is named at once`() throws {
    var recipe = TrainingFixture.recipe(method: .direct)
    recipe.batchSize = 0
    recipe.optimizer.learningRate = .nan
    recipe.losses.kd.weight = 1
    recipe.sequenceLength = 65
    #expect {
      try TrainingFixture.trainer(recipe)
    } throws: { error in
      guard case .invalidRecipe(let problems)? = error as? TrainingError else { return false }
      return ["batch_size", "optimizer.learning_rate", "losses.kd.weight", "sequence_length"]
        .allSatisfy { field in problems.contains { $0.hasPrefix(field) } }
    }
  }

  @Test func `tokens outside the vocabulary are refused`() throws {
    let data = InMemoryData([TrainingSequence(tokens: [1, 2, 61])])
    let trainer = try TrainingFixture.trainer(
      TrainingFixture.recipe(method: .direct), data: data)
    #expect(throws: TrainingError.unusableData("token 61 is outside a vocabulary of 61")) {
      try trainer.step()
    }
  }

  @Test func `data without a target is refused`() throws {
    let data = InMemoryData([
      TrainingSequence(tokens: [1, 2, 3], firstTarget: 3), TrainingSequence(tokens: [4]),
    ])
    #expect {
      try TrainingFixture.trainer(TrainingFixture.recipe(method: .direct), data: data)
    } throws: { error in
      guard case .unusableData? = error as? TrainingError else { return false }
      return true
    }
  }

  @Test func `rows without a signal and cut texts are counted`() throws {
    var recipe = TrainingFixture.recipe(batchSize: 20, accumulation: 1, steps: 1)
    recipe.sequenceLength = 10
    let trainer = try TrainingFixture.trainer(recipe)
    let report = try trainer.step()
    #expect(report.invalidRows > 0)
    #expect(trainer.state.invalidRows == report.invalidRows)
    #expect(trainer.health.cutSequences > 0)
  }

  @Test func `trits are counted and their changes too`() throws {
    let trainer = try TrainingFixture.trainer(TrainingFixture.recipe(steps: 4))
    let reports = try trainer.finish()
    #expect(reports.map { $0.trits != nil } == [false, true, false, true])
    let last = try #require(trainer.health.trits)
    #expect(abs(last.minusShare + last.zeroShare + last.plusShare - 1) < 1e-12)
    #expect(abs(last.thresholdDistance.reduce(0, +) - 1) < 1e-12)
    #expect(reports[1].trits?.changedShare == nil)
    #expect((last.changedShare ?? 0) > 0)
  }
}
