import Checkpoints
import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

/// Where the reference models lie, when somebody says so.
private let fixtures = ProcessInfo.processInfo.environment["BITNET_FIXTURES"].map {
  URL(fileURLWithPath: $0)
}

/// PyTorch's training step, five times (`BITNET_FIXTURES` names the folder of the fixtures).
@Suite(.enabled(if: fixtures != nil))
struct StudentStepFixtureTests {
  let file: SafetensorsFile
  let configuration = ModelConfiguration(
    vocabSize: 512, hiddenSize: 64, intermediateSize: 160, numHiddenLayers: 3,
    numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 16, rmsNormEps: 1e-6, subNorm: true,
    quantization: .ternary)

  init() throws {
    file = try SafetensorsFile(
      mapping: #require(fixtures).appendingPathComponent(
        "student-step-coarse-fp32/expected.safetensors"))
  }

  @Test func `five steps have PyTorch's losses, gradients and weights`() throws {
    let trainer = try Trainer(
      recipe: recipe, configuration: configuration,
      data: InMemoryData([TrainingSequence(tokens: [0, 1])]), initial: parameters("init."),
      team: ComputeTeam(threadCount: 2))
    let losses = try file.floats("losses_kl_ce")
    for step in 0..<5 {
      let report = try trainer.step(over: [batch()])
      // A code that falls on the other side of a tie moves a loss by about 1e-4; without one they
      // agree to 1e-6.
      #expect(abs(report.raw.kd - Double(losses[2 * step])) < 5e-4, "KD of step \(step)")
      #expect(abs(report.raw.ce - Double(losses[2 * step + 1])) < 5e-4, "CE of step \(step)")
      if step == 0 { try expectClose(trainer.gradientValues, "grad.", within: 1e-4) }
      if step == 0 { try expectClose(trainer.weights, "after1.", within: 1e-5) }
    }
    try expectClose(trainer.weights, "after5.", within: 1e-4)
  }

  private var recipe: TrainingRecipe {
    TrainingRecipe(
      method: .distill, sequenceLength: 24, batchSize: 2, steps: 5,
      optimizer: TrainingRecipe.Optimizer(learningRate: 1e-3, decay: .all, clipNorm: nil),
      schedule: LearningRateSchedule(kind: .constant),
      losses: LossWeights(kd: DistillationLoss(temperature: 1.3), ce: 0.25, format: 0),
      precision: .fp32)
  }

  /// The fixture's labels are random, not the next inputs: its rows are targets already.
  private func batch() throws -> MicroBatch {
    let labels = try integers("batch.labels")
    let ids = try integers("batch.topk_ids")
    let logprobs = try file.floats("batch.topk_logprobs")
    let teacher = TeacherSignal(
      candidateCount: 8, ids: ids, logprobs: logprobs,
      otherLogprobs: try file.floats("batch.other_logprob"))
    var targets = HeadTargets(candidateCount: 8)
    for (row, label) in labels.enumerated() where label >= 0 {
      targets.append(position: row, token: label, isStruct: false, signal: (teacher, row))
    }
    return MicroBatch(
      tokens: TokenBatch(
        sequences: 2, length: 24, tokens: try integers("batch.input_ids"), lengths: [24, 24]),
      targets: targets, inputTokens: 48, cutSequences: 0)
  }

  private func integers(_ name: String) throws -> [Int32] {
    file.withBytes(of: try file.info(name)) { bytes in
      (0..<bytes.count / 8).map {
        Int32(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: Int64.self))
      }
    }
  }

  private func parameters(_ prefix: String) throws -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    for view in parameters.layout.views {
      try file.copy(
        prefix + fixtureName(view.name), shape: view.shape,
        into: parameters.values + view.offset)
    }
    return parameters
  }

  private func fixtureName(_ name: String) -> String {
    [
      ("model.layers.", "blocks."), ("self_attn.attn_sub_norm", "attn_sub_norm"),
      ("self_attn.", ""), ("mlp.", ""), ("post_attention_layernorm", "mlp_norm"),
      ("input_layernorm", "attn_norm"), ("model.embed_tokens", "embed"), ("model.norm", "norm"),
    ].reduce(name) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
  }

  /// Every tensor, by the norm of the difference relative to the norm of the tensor.
  private func expectClose(_ values: [Float], _ prefix: String, within tolerance: Double) throws {
    for view in ParameterLayout(configuration).views {
      let expected = try file.floats(prefix + fixtureName(view.name))
      let found = values[view.offset..<view.offset + view.count]
      let difference = zip(found, expected).reduce(0.0) { $0 + pow(Double($1.0 - $1.1), 2) }
      let size = expected.reduce(0.0) { $0 + pow(Double($1), 2) }
      #expect((difference / size).squareRoot() < tolerance, "\(prefix)\(view.name)")
    }
  }
}
