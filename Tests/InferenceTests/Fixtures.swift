import Kernels
import TestSupport
import Transformer

/// Small models that between them have every option of a configuration.
enum Fixture: String, CaseIterable {
  case llama, llamaUntied, llamaBiases, qwen2, qwen3, bitnet, student, scaledRope

  var configuration: ModelConfiguration {
    var result = ModelConfiguration(
      vocabSize: 71, hiddenSize: 48, intermediateSize: 80, numHiddenLayers: 2,
      numAttentionHeads: 4, numKeyValueHeads: 2, headDim: 16, tieWordEmbeddings: true)
    switch self {
    case .llama: break
    case .llamaUntied:
      result.tieWordEmbeddings = false
      result.numKeyValueHeads = 4
    case .llamaBiases:
      result.attentionBias = true
      result.outputBias = true
      result.mlpBias = true
    case .qwen2: result.attentionBias = true
    case .qwen3:
      result.qkNorm = true
      // Wider than hidden / heads, and no multiple of 16.
      result.headDim = 20
      result.numAttentionHeads = 7
      result.numKeyValueHeads = 1
    case .bitnet:
      result.quantization = .ternary
      result.subNorm = true
      result.hiddenAct = .relu2
    case .student:
      result.quantization = .ternary
      result.subNorm = true
      result.usesHadamard = true
    case .scaledRope: result.ropeScaling = .linear(factor: 4)
    }
    return result
  }

  /// Parameters that are large enough for differences to show, biases and gains included.
  func parameters(seed: UInt64 = 3) -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.initialize(seed: seed)
    var random = SplitMix64(seed: seed)
    for view in parameters.layout.views {
      let values = parameters.values + view.offset
      for index in 0..<view.count {
        if view.isMatrix {
          values[index] *= 5
        } else {
          values[index] += Float.random(in: -0.3..<0.3, using: &random)
        }
      }
    }
    return parameters
  }
}

/// `count` token ids below `vocabulary`.
func randomTokens(_ count: Int, vocabulary: Int, seed: UInt64) -> [Int32] {
  var random = SplitMix64(seed: seed)
  return (0..<count).map { _ in Int32.random(in: 0..<Int32(vocabulary), using: &random) }
}
