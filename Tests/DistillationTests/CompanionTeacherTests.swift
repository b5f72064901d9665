import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

/// Training beside a teacher: dense logits and attention relations.
struct CompanionTeacherTests {
  private static let team = ComputeTeam(threadCount: 1)

  /// Another width, depth and number of heads than the student's, and untied.
  private static let teacherConfiguration = ModelConfiguration(
    vocabSize: TrainingFixture.vocabularySize, hiddenSize: 24, intermediateSize: 32,
    numHiddenLayers: 3, numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 8,
    tieWordEmbeddings: false, maxPositionEmbeddings: 64)

  private static func teacher(
    _ configuration: ModelConfiguration = teacherConfiguration, batchSize: Int = 3,
    weights source: Parameters? = nil
  ) throws -> CompanionTeacher {
    let parameters = source ?? Parameters(layout: ParameterLayout(configuration))
    if source == nil {
      parameters.initialize(seed: 11)
      // A teacher that prefers something: random heads are all but uniform.
      if let head = parameters.layout["lm_head.weight"] {
        for place in head.offset..<head.offset + head.count { parameters.values[place] *= 40 }
      }
    }
    let weights = try StoredWeights(
      configuration,
      matrix: { view in
        DenseWeights(
          UnsafePointer(parameters.values + view.offset), rows: view.shape[0],
          columns: view.shape[1], storage: .fp32, team: team)
      },
      copyVector: { view, values in
        values.update(from: parameters.values + view.offset, count: view.count)
      })
    return try CompanionTeacher(
      weights: weights, maximumSequences: batchSize, maximumLength: 24, precision: .fp32,
      team: team)
  }

  private static func losses(
    kd: Float = 1, ce: Float = 1, ad: AttentionRelationTerm? = AttentionRelationTerm()
  ) -> LossWeights {
    LossWeights(
      kd: DistillationLoss(weight: kd, temperature: 5, source: .dense), ce: ce, format: 0, ad: ad)
  }

  private static func trainer(
    _ recipe: TrainingRecipe, configuration: ModelConfiguration = TrainingFixture.configuration(),
    teacher: CompanionTeacher? = nil, initial: Parameters? = nil
  ) throws -> Trainer {
    try Trainer(
      recipe: recipe, configuration: configuration, data: TrainingFixture.data(),
      initial: initial, teacher: teacher ?? Self.teacher(batchSize: recipe.batchSize), team: team)
  }

  @Test func `a student comes closer to the teacher beside it, in logits and in attention`() throws
  {
    let recipe = TrainingFixture.recipe(
      steps: 150, losses: Self.losses(kd: 20, ce: 0, ad: AttentionRelationTerm(weight: 5)))
    let reports = try Self.trainer(recipe).finish()
    let first = try #require(reports.first)
    let last = try #require(reports.last)
    #expect(first.raw.kd > 0 && first.raw.ad > 0)
    #expect(last.raw.kd < 0.85 * first.raw.kd)
    #expect(last.raw.ad < 0.85 * first.raw.ad)
    #expect(first.weighted.ad == 5 * first.raw.ad)
    #expect(first.profile.lines.contains { $0.operation == .teacherForward })
    let names = Set(first.metrics.map(\.name))
    for name in ["loss_ad", "loss_ad_weighted", "gradient_norm_ad", "relation_weight", "loss_kd"] {
      #expect(names.contains(name), "\(name)")
    }
  }

  @Test func `a student that is its teacher has nothing to learn from it`() throws {
    let configuration = TrainingFixture.configuration(quantization: .none)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.initialize(seed: 5)
    let recipe = TrainingFixture.recipe(
      steps: 1, losses: Self.losses(kd: 1, ce: 0, ad: AttentionRelationTerm(weight: 1)))
    let trainer = try Self.trainer(
      recipe, configuration: configuration,
      teacher: Self.teacher(configuration, weights: parameters), initial: parameters)
    let report = try trainer.step()
    #expect(abs(report.raw.kd) < 1e-6)
    #expect(abs(report.raw.ad) < 1e-6)
    #expect((report.gradientNorm ?? 1) < 1e-4)
  }

  @Test func `the gradient of all terms together is that of the reported loss`() throws {
    let configuration = TrainingFixture.configuration(quantization: .none, tied: false)
    let recipe = TrainingFixture.recipe(
      accumulation: 1, steps: 1,
      losses: Self.losses(kd: 3, ce: 0.5, ad: AttentionRelationTerm(weight: 2)))
    let trainer = try Self.trainer(recipe, configuration: configuration)
    let layout = BatchLayout(
      maximumLength: recipe.sequenceLength, vocabularySize: configuration.vocabSize,
      withTeacher: false)
    let batch = try layout.microBatch(of: [0, 1, 2], from: TrainingFixture.data())
    func loss() throws -> Double {
      try trainer.accumulateGradients(
        of: [batch], losses: recipe.losses, relationWeight: 2, isCancelled: { false }
      ).total(recipe.losses)
    }
    _ = try loss()
    let gradient = trainer.gradientValues
    var random = SplitMix64(seed: 8)
    let values = trainer.parameters.values
    for view in trainer.parameters.layout.views {
      let place = view.offset + Int.random(in: 0..<view.count, using: &random)
      let (before, step) = (values[place], Float(2e-3))
      values[place] = before + step
      let above = try loss()
      values[place] = before - step
      let below = try loss()
      values[place] = before
      let difference = (above - below) / Double(2 * step)
      #expect(
        abs(difference - Double(gradient[place])) < 2e-3 + 0.02 * abs(difference),
        "\(view.name): \(difference) by differences, \(gradient[place]) by the backward pass")
    }
  }

  @Test func `micro-batches weigh the relations by their positions`() throws {
    func gradient(batchSize: Int, accumulation: Int) throws -> [Float] {
      let recipe = TrainingFixture.recipe(
        batchSize: batchSize, accumulation: accumulation, steps: 1,
        losses: Self.losses(ad: AttentionRelationTerm(weight: 3)))
      let trainer = try Self.trainer(
        recipe, configuration: TrainingFixture.configuration(quantization: .none))
      let layout = BatchLayout(
        maximumLength: recipe.sequenceLength,
        vocabularySize: TrainingFixture.vocabularySize, withTeacher: false)
      let batches = try (0..<accumulation).map { part in
        try layout.microBatch(
          of: Array(part * batchSize..<(part + 1) * batchSize), from: TrainingFixture.data())
      }
      _ = try trainer.accumulateGradients(
        of: batches, losses: recipe.losses, relationWeight: 3, isCancelled: { false })
      return trainer.gradientValues
    }
    let whole = try gradient(batchSize: 4, accumulation: 1)
    let parts = try gradient(batchSize: 2, accumulation: 2)
    let scale = whole.map(abs).max() ?? 0
    for (one, other) in zip(whole, parts) { #expect(abs(one - other) <= 1e-5 * scale) }
  }

  @Test func `γ makes the two gradients equally long and then stays`() throws {
    let recipe = TrainingFixture.recipe(accumulation: 1, steps: 56, losses: Self.losses(kd: 0))
    let trainer = try Self.trainer(recipe)
    var weights: [Double] = []
    while trainer.state.step < recipe.steps {
      weights.append(try #require(trainer.step().relationWeight))
    }
    let balance = try #require(trainer.state.relationBalance)
    #expect(balance.measurements == 10)
    #expect(balance.crossEntropyNorm > 0 && balance.relationNorm > 0)
    #expect(trainer.state.relationWeight == balance.crossEntropyNorm / balance.relationNorm)
    #expect(Set(weights[45...]).count == 1, "fixed after the last measurement")
    #expect(weights[0] != weights[50])
  }

  @Test func `a run beside a teacher resumes to the same bits, γ included`() throws {
    let recipe = TrainingFixture.recipe(accumulation: 1, steps: 12, losses: Self.losses())
    let whole = try Self.trainer(recipe)
    try whole.finish()
    try TrainingFixture.withFolder { folder in
      let first = try Self.trainer(recipe)
      for _ in 0..<7 { try first.step() }
      let checkpoint = folder.appendingPathComponent("checkpoint")
      try first.writeCheckpoint(to: checkpoint)
      let second = try Trainer.resume(
        from: checkpoint, recipe: recipe, configuration: TrainingFixture.configuration(),
        data: TrainingFixture.data(), teacher: Self.teacher(), team: Self.team)
      try second.finish()
      #expect(second.weightsDigest == whole.weightsDigest)
      #expect(second.state.relationBalance == whole.state.relationBalance)
    }
  }

  @Test func `what does not fit is refused by name`() throws {
    func problem(_ make: () throws -> Trainer) -> String {
      do {
        _ = try make()
        return "nothing was refused"
      } catch {
        return "\(error)"
      }
    }
    let recipe = TrainingFixture.recipe(losses: Self.losses())
    var narrow = Self.teacherConfiguration
    narrow.vocabSize = 50
    let other = try Self.teacher(narrow)
    #expect(problem { try Self.trainer(recipe, teacher: other) }.contains("vocab_size is 50"))
    #expect(
      problem {
        try Trainer(
          recipe: recipe, configuration: TrainingFixture.configuration(),
          data: TrainingFixture.data(), team: Self.team)
      }.contains("need a teacher"))
    var layers = recipe
    layers.losses.ad?.options.layers = [2]
    #expect(problem { try Self.trainer(layers) }.contains("layers"))
    var heads = recipe
    heads.losses.ad?.options.heads = 5
    #expect(problem { try Self.trainer(heads) }.contains("heads"))
    var direct = recipe
    direct.method = .direct
    #expect(problem { try Self.trainer(direct) }.contains("losses.ad must be null"))
  }

  /// Answers by a rule that depends on all that it is told.
  private final class RuleAuthor: StudentAuthor {
    var asked: [[[Int32]]] = []

    func answers(
      to prompts: [[Int32]], recipe: OnPolicyRecipe, configuration: ModelConfiguration,
      parameters: Parameters, bits: ActivationBits?, maximumLength: Int, seed: UInt64
    ) -> [[Int32]] {
      asked.append(prompts)
      return prompts.map { prompt in
        let room = min(recipe.maximumTokens, maximumLength - prompt.count)
        return (0..<room).map { (prompt[0] + Int32($0) + Int32(seed % 7)) % 61 }
      }
    }
  }

  @Test func `in every other step the student writes, and only the teacher speaks`() throws {
    var recipe = TrainingFixture.recipe(accumulation: 1, steps: 4, losses: Self.losses())
    recipe.onPolicy = OnPolicyRecipe(every: 2, maximumTokens: 5)
    let trainer = try Self.trainer(recipe)
    #expect(throws: TrainingError.self) { _ = try Self.trainer(recipe).finish() }
    let author = RuleAuthor()
    trainer.author = author
    let reports = try trainer.finish()
    #expect(author.asked.count == 2)
    // The fixture's texts have their first target behind two tokens.
    #expect(author.asked.allSatisfy { $0.allSatisfy { $0.count == 2 } })
    for report in reports {
      let isWritten = report.step % 2 == 1
      #expect((report.weighted.ce == 0) == isWritten)
      #expect(report.raw.kd > 0 && report.raw.ad > 0)
      if isWritten { #expect(report.targetTokens == 3 * 5) }
    }
  }
}
