import ArgumentParser
import Transformer

/// The shapes of issue 3's table.
enum BenchCase: String, CaseIterable, ExpressibleByArgument {
  case mini, small
  case qwen3 = "qwen3-0.6b"

  var configuration: ModelConfiguration {
    switch self {
    case .mini:
      ModelConfiguration(
        vocabSize: 32_000, hiddenSize: 256, intermediateSize: 768, numHiddenLayers: 4,
        numAttentionHeads: 4, headDim: 64, subNorm: true, quantization: .ternary)
    case .small:
      ModelConfiguration(
        vocabSize: 32_000, hiddenSize: 512, intermediateSize: 1536, numHiddenLayers: 8,
        numAttentionHeads: 8, headDim: 64, subNorm: true, quantization: .ternary)
    case .qwen3:
      ModelConfiguration(
        vocabSize: 151_936, hiddenSize: 1024, intermediateSize: 3072, numHiddenLayers: 28,
        numAttentionHeads: 16, numKeyValueHeads: 8, headDim: 128, ropeTheta: 1e6,
        tieWordEmbeddings: true, qkNorm: true, subNorm: true, quantization: .ternary)
    }
  }

  /// Sequences of a step, and positions of each.
  var batch: (sequences: Int, length: Int) {
    switch self {
    case .mini: (8, 256)
    case .small: (4, 256)
    case .qwen3: (1, 128)
    }
  }

  /// Tokens a second that arithmetic and memory allow: the seven projections' forward in int8, all
  /// other products in bf16, and the optimizer's bytes, at what one thread of the reference machine
  /// reaches (issue 3: 465 GOP/s by vpdpbusd, 233 GFLOP/s by vdpbf16ps, 30 GB/s), times the threads.
  func tokensPerSecondLimit(threads: Int) -> Double {
    let layout = ParameterLayout(configuration)
    let projections = Double(layout.views.filter(\.isTernary).reduce(0) { $0 + $1.count })
    let head = Double(configuration.vocabSize * configuration.hiddenSize)
    // Scores and values, forward and backward, of which causality leaves half.
    let attention =
      6 * Double(configuration.numHiddenLayers * configuration.queryWidth * batch.length)
    // AdamW reads weight, gradient and both moments, and writes three of them.
    let optimizerBytes = 28 * Double(configuration.parameterCount)
    let tokens = Double(batch.sequences * batch.length)
    let secondsPerToken =
      2 * projections / 465e9 + (4 * projections + 6 * head + attention) / 233e9
      + optimizerBytes / tokens / 30e9
    return Double(threads) / secondsPerToken
  }
}
