import Checkpoints
import Foundation
import Kernels
import ModelFormats
import Tokenization
import Transformer

/// A tokenizer of 300 ids.
func smallTokenizer(_ rule: PreTokenization = .digits) throws -> Tokenizer {
  let trainer = BytePairTrainer(
    vocabularySize: 300, specialTokens: ["<|endoftext|>"], preTokenization: rule)
  return try trainer.train(["the cat sat on the mat, and the hat of the cat was flat: 1234"])
}

/// A random model with a tokenizer; gains are no ones and biases no zeros.
func exported(
  _ configuration: ModelConfiguration, seed: UInt64 = 5, chatTemplate: String? = nil
) throws -> ExportedModel {
  let parameters = Parameters(layout: ParameterLayout(configuration))
  parameters.initialize(seed: seed)
  for view in parameters.layout.views where !view.isMatrix {
    for index in 0..<view.count {
      parameters.values[view.offset + index] += Float(index % 7) / 8
    }
  }
  return ExportedModel(
    name: "small", configuration: configuration, parameters: parameters,
    tokenizer: try smallTokenizer(), chatTemplate: chatTemplate)
}

/// The shapes that other runtimes have a network for.
func student(
  hiddenSize: Int = 256, intermediateSize: Int = 512, heads: Int = 4, keyValueHeads: Int = 2,
  tied: Bool = true, activation: ModelConfiguration.Activation = .silu, qkNorm: Bool = false,
  bias: Bool = false, subNorm: Bool = true,
  quantization: ModelConfiguration.Quantization = .ternary, headDim: Int? = nil,
  scaling: RopeScaling? = nil, hadamard: Bool = false
) -> ModelConfiguration {
  ModelConfiguration(
    vocabSize: 304, hiddenSize: hiddenSize, intermediateSize: intermediateSize,
    numHiddenLayers: 2, numAttentionHeads: heads, numKeyValueHeads: keyValueHeads,
    headDim: headDim, ropeTheta: 50_000, ropeScaling: scaling, rmsNormEps: 1e-5,
    tieWordEmbeddings: tied, hiddenAct: activation, qkNorm: qkNorm, attentionBias: bias,
    subNorm: subNorm, quantization: quantization, usesHadamard: hadamard,
    maxPositionEmbeddings: 128)
}

/// The trits of a ternary tensor and their unit, as training rounds them.
func rounded(_ parameters: Parameters, _ view: ParameterView) -> (trits: [Int8], unit: Float) {
  let ternary = TernaryWeights(rows: view.shape[0], columns: view.shape[1])
  ternary.quantize(from: parameters.values + view.offset, team: .shared)
  let trits = [Int8](unsafeUninitializedCapacity: view.count) { buffer, count in
    ternary.copyTrits(into: buffer.baseAddress!)
    count = view.count
  }
  return (trits, ternary.scale)
}
