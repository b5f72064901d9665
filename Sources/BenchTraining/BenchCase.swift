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
  /// other products in bf16 or fp32, and the optimizer's bytes, at these rates.
  func tokensPerSecondLimit(_ rates: LimitRates) -> Double {
    let layout = ParameterLayout(configuration)
    let projections = Double(layout.views.filter(\.isTernary).reduce(0) { $0 + $1.count })
    let head = Double(configuration.vocabSize * configuration.hiddenSize)
    // Scores and values, forward and backward, of which causality leaves half.
    let attention =
      6 * Double(configuration.numHiddenLayers * configuration.queryWidth * batch.length)
    // AdamW reads weight, gradient and both moments, and writes three of them.
    let optimizerBytes = 28 * Double(configuration.parameterCount)
    let tokens = Double(batch.sequences * batch.length)
    return 1
      / (2 * projections / rates.int8 + (4 * projections + 6 * head + attention) / rates.floats
        + optimizerBytes / tokens / rates.bytes)
  }

  /// What issue 3 asks for on 1 thread and on 2: times the best peer, times eager fp32, share of
  /// the limit, times the leanest peer's memory.
  func wanted(threads: Int) -> Wanted {
    switch self {
    case .mini:
      Wanted(best: threads == 1 ? 1.5 : 1.8, eager: 3.4, limit: 0.75, residentBytes: 0.5)
    case .small:
      Wanted(best: threads == 1 ? 1.45 : 1.6, eager: 3, limit: 0.75, residentBytes: 0.5)
    case .qwen3: Wanted(best: 2.2, eager: nil, limit: 0.7, residentBytes: 0.75)
    }
  }
}

/// What a shape's figures are to reach.
struct Wanted {
  let best: Double
  let eager: Double?
  let limit: Double
  let residentBytes: Double
}

/// What a machine can do, in operations and bytes a second.
struct LimitRates {
  let int8: Double
  /// In bf16, or in int16 or fp32 where that is faster.
  let floats: Double
  let bytes: Double

  /// The machine that issue 3 was written on: 465 GOP/s by vpdpbusd, 233 GFLOP/s by vdpbf16ps and
  /// 30 GB/s a thread.
  static func reference(threads: Int) -> LimitRates {
    let threads = Double(threads)
    return LimitRates(int8: 465e9 * threads, floats: 233e9 * threads, bytes: 30e9 * threads)
  }
}
