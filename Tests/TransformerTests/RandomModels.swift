import Kernels
import TestSupport
import Transformer

extension SplitMix64 {
  /// Floats between -1 and 1 times `magnitude`.
  mutating func floats(_ count: Int, magnitude: Float = 1) -> [Float] {
    (0..<count).map { _ in Float.random(in: -1...1, using: &self) * magnitude }
  }
}

/// A model small enough for the reference, with any options.
struct RandomModel {
  let configuration: ModelConfiguration
  let parameters: Parameters
  let texts: [[Int32]]

  /// Every option comes from `seed` but the quantization.
  init(seed: UInt64, quantization: ModelConfiguration.Quantization) throws {
    var random = SplitMix64(seed: seed)
    let keyValueHeads = Int.random(in: 1...2, using: &random)
    let scalings: [RopeScaling?] = [
      nil, .linear(factor: 4),
      .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 32),
      .yarn(
        factor: 4, originalPositions: 16, betaFast: 32, betaSlow: 1, attentionFactor: 1.139),
    ]
    configuration = try ModelConfiguration(
      vocabSize: 23, hiddenSize: [8, 16, 20, 24].randomElement(using: &random)!,
      intermediateSize: [12, 20, 32].randomElement(using: &random)!,
      numHiddenLayers: Int.random(in: 1...2, using: &random),
      numAttentionHeads: keyValueHeads * Int.random(in: 1...3, using: &random),
      numKeyValueHeads: keyValueHeads, headDim: [4, 6, 16].randomElement(using: &random)!,
      ropeTheta: 100, ropeScaling: scalings.randomElement(using: &random)!,
      rmsNormEps: 1e-5, tieWordEmbeddings: Bool.random(using: &random),
      hiddenAct: Bool.random(using: &random) ? .silu : .relu2,
      qkNorm: Bool.random(using: &random), attentionBias: Bool.random(using: &random),
      outputBias: seed % 3 == 2, mlpBias: seed % 4 == 1,
      subNorm: Bool.random(using: &random), quantization: quantization,
      usesHadamard: Bool.random(using: &random)
    ).validated()
    parameters = Parameters(layout: ParameterLayout(configuration))
    for view in parameters.layout.views {
      let isGain = view.name.hasSuffix("norm.weight")
      for index in 0..<view.count {
        let number = Float.random(in: -1...1, using: &random)
        parameters.values[view.offset + index] = isGain ? 1 + 0.3 * number : 0.6 * number
      }
    }
    // Two lengths, so that there is padding, and more than one block of query rows now and then.
    texts = [Int.random(in: 3...9, using: &random), 1, Int.random(in: 2...7, using: &random)].map {
      length in (0..<length).map { _ in Int32.random(in: 0..<23, using: &random) }
    }
  }

  var batch: TokenBatch { TokenBatch(texts) }

  func reference(bits: ActivationBits?) -> ReferenceTransformer {
    ReferenceTransformer(
      configuration: configuration, parameters: parameters, activationBits: bits)
  }

  func fast(
    gradients: Parameters?, bits: ActivationBits?, team: ComputeTeam = .shared,
    loops: TransformerLoops = .init(), precision: ProductPrecision = .fp32,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own,
    floatsUntilBackward: Int = 0
  ) throws -> Transformer {
    let batch = batch
    let model = try Transformer(
      configuration: configuration, parameters: parameters, gradients: gradients,
      maximumSequences: batch.sequences, maximumLength: batch.length, precision: precision,
      storage: storage, gradientMemory: gradientMemory, floatsUntilBackward: floatsUntilBackward,
      team: team, loops: loops)
    if bits != nil { model.activationBits = bits }
    model.quantizeWeights()
    return model
  }
}
