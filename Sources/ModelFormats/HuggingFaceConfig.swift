internal import Foundation
internal import Transformer

/// The `config.json` of transformers for a model of ours.
struct HuggingFaceConfig {
  let modelType: String
  let json: Data

  /// - Parameter endOfText: the token that ends a text.
  /// - Throws: `.notRepresentable`, naming what no architecture of transformers has.
  init(
    _ model: ModelConfiguration, weights: HuggingFaceExport.Weights, endOfText: Int32? = nil
  ) throws(FormatError) {
    let (modelType, className) = try Self.architecture(of: model, weights: weights)
    self.modelType = modelType
    let fields = Fields(
      architectures: [className], modelType: modelType, vocabSize: model.vocabSize,
      hiddenSize: model.hiddenSize, intermediateSize: model.intermediateSize,
      numHiddenLayers: model.numHiddenLayers, numAttentionHeads: model.numAttentionHeads,
      numKeyValueHeads: model.numKeyValueHeads, headDim: model.headDim,
      ropeTheta: model.ropeTheta, ropeScaling: model.ropeScaling,
      rmsNormEps: model.rmsNormEps, tieWordEmbeddings: model.tieWordEmbeddings,
      hiddenAct: model.hiddenAct, maxPositionEmbeddings: model.maxPositionEmbeddings,
      // qwen2 has its biases without being told; elsewhere this is o_proj's, too.
      attentionBias: model.outputBias, mlpBias: model.mlpBias, bosTokenId: endOfText,
      eosTokenId: endOfText,
      // A packed model's unit is fp32; loaded as bf16 it would be rounded.
      torchDtype: weights == .bf16 ? "bfloat16" : "float32",
      quantizationConfig: model.quantization == .none
        ? nil : .init(quantizationMode: weights == .packed ? "offline" : "online"))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    do {
      json = try encoder.encode(fields)
    } catch {
      throw .notRepresentable(format: "config.json", feature: "\(error)")
    }
  }

  private struct Fields: Encodable {
    struct Quantization: Encodable {
      let quantMethod = "bitnet"
      let linearClass = "autobitlinear"
      let quantizationMode: String
      let modulesToNotConvert = ["lm_head"]
    }

    let architectures: [String]
    let modelType: String
    let vocabSize: Int
    let hiddenSize: Int
    let intermediateSize: Int
    let numHiddenLayers: Int
    let numAttentionHeads: Int
    let numKeyValueHeads: Int
    let headDim: Int
    let ropeTheta: Double
    let ropeScaling: RopeScaling?
    let rmsNormEps: Double
    let tieWordEmbeddings: Bool
    let hiddenAct: ModelConfiguration.Activation
    let maxPositionEmbeddings: Int
    let attentionBias: Bool
    let mlpBias: Bool
    // Without these bitnet takes the ids of its first model.
    let bosTokenId: Int32?
    let eosTokenId: Int32?
    let torchDtype: String
    let quantizationConfig: Quantization?
  }

  private static func architecture(
    of model: ModelConfiguration, weights: HuggingFaceExport.Weights
  ) throws(FormatError) -> (modelType: String, className: String) {
    func refuse(_ isRefused: Bool, _ feature: String) throws(FormatError) {
      if isRefused { throw .notRepresentable(format: "transformers", feature: feature) }
    }
    try refuse(
      model.usesHadamard, FormatError.hadamard)
    guard model.quantization == .ternary else {
      try refuse(weights == .packed, "full-precision projections as packed trits")
      try refuse(model.subNorm, "SubLN (sub_norm) with full-precision projections")
      try refuse(model.hiddenAct == .relu2, "squared ReLU with full-precision projections")
      // Queries, keys and values alone, or all four; biases in the MLP with either of llama's.
      let isQwen2 = model.attentionBias && !model.outputBias
      try refuse(model.outputBias && !model.attentionBias, "a bias on o_proj alone")
      try refuse(
        model.qkNorm && isQwen2, "QK-norm and biases on queries, keys and values alone")
      try refuse(model.mlpBias && (model.qkNorm || isQwen2), "biases in the MLP but of llama")
      if model.qkNorm { return ("qwen3", "Qwen3ForCausalLM") }
      return isQwen2 ? ("qwen2", "Qwen2ForCausalLM") : ("llama", "LlamaForCausalLM")
    }
    try refuse(!model.subNorm, "ternary projections without SubLN (sub_norm)")
    try refuse(model.qkNorm, "ternary projections with QK-norm (qk_norm)")
    try refuse(
      model.attentionBias || model.outputBias || model.mlpBias,
      "ternary projections with biases (attention_bias, mlp_bias)")
    try refuse(
      model.queryWidth != model.hiddenSize,
      "ternary projections with heads of another width than hidden_size / num_attention_heads")
    return ("bitnet", "BitNetForCausalLM")
  }
}
