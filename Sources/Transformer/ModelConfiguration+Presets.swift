extension ModelConfiguration {
  /// The names that `preset` knows, small to large.
  package static let presetNames = ["demo", "mini", "qwen3-0.6b", "bitnet-2b4t", "7b"]

  /// A well-known shape; nil for a name that is not in `presetNames`.
  ///
  /// `demo` trains in about a minute on two cores, and its shape travels to other runtimes: SwiGLU,
  /// SubLN, plain RoPE, tied head. `qwen3-0.6b` and `bitnet-2b4t` are the published models' shapes,
  /// `7b` is Llama's with ternary projections (its count of parameters is 6.74 billion).
  package static func preset(_ name: String) -> ModelConfiguration? {
    switch name {
    case "demo":
      ModelConfiguration(
        vocabSize: 1024, hiddenSize: 192, intermediateSize: 512, numHiddenLayers: 4,
        numAttentionHeads: 4, tieWordEmbeddings: true, subNorm: true, quantization: .ternary,
        maxPositionEmbeddings: 512)
    case "mini":
      ModelConfiguration(
        vocabSize: 32_000, hiddenSize: 768, intermediateSize: 3072, numHiddenLayers: 12,
        numAttentionHeads: 12, subNorm: true, quantization: .ternary)
    case "qwen3-0.6b":
      ModelConfiguration(
        vocabSize: 151_936, hiddenSize: 1024, intermediateSize: 3072, numHiddenLayers: 28,
        numAttentionHeads: 16, numKeyValueHeads: 8, headDim: 128, ropeTheta: 1_000_000,
        tieWordEmbeddings: true, qkNorm: true, maxPositionEmbeddings: 40_960)
    case "bitnet-2b4t":
      ModelConfiguration(
        vocabSize: 128_256, hiddenSize: 2560, intermediateSize: 6912, numHiddenLayers: 30,
        numAttentionHeads: 20, numKeyValueHeads: 5, ropeTheta: 500_000, rmsNormEps: 1e-5,
        tieWordEmbeddings: true, hiddenAct: .relu2, subNorm: true, quantization: .ternary,
        maxPositionEmbeddings: 4096)
    case "7b":
      ModelConfiguration(
        vocabSize: 32_000, hiddenSize: 4096, intermediateSize: 11_008, numHiddenLayers: 32,
        numAttentionHeads: 32, subNorm: true, quantization: .ternary,
        maxPositionEmbeddings: 4096)
    default:
      nil
    }
  }
}
