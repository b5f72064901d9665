import Foundation
import Kernels
import Tasks
import TestSupport
import Tokenization
import Transformer

/// Writes `text` as `name` and reads it as a task's file.
func read(
  _ text: String, name: String = "task.tsv", as task: TaskDescription, limit: Int? = nil
) throws -> [TaskExample] {
  let folder = try TemporaryFolder()
  try Data(text.utf8).write(to: folder[name])
  return try TaskFile.read(folder[name], as: task, limit: limit)
}

/// A task with two labels, whose prompt is the column `text`.
func labelled(_ answer: String = #""labels": {"0": " no", "1": " yes"}"#) throws -> TaskDescription
{
  try TaskDescription(
    json: #"{"name":"t","prompt":"{text} =>","answer":{"column":"label",\#(answer)}}"#)
}

/// Bytes and the words of the tests.
func smallTokenizer() throws -> Tokenizer {
  let text = "the cat sat on the mat => yes the dog sat on the log => no "
  return try BytePairTrainer(vocabularySize: 300, specialTokens: ["<|endoftext|>"])
    .train([String(repeating: text, count: 4)])
}

/// Random weights, large enough for differences to show.
func smallModel(
  vocabulary: Int, quantization: ModelConfiguration.Quantization
) -> (configuration: ModelConfiguration, parameters: Parameters) {
  let configuration = ModelConfiguration(
    vocabSize: vocabulary, hiddenSize: 32, intermediateSize: 48, numHiddenLayers: 2,
    numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 16,
    subNorm: quantization == .ternary, quantization: quantization)
  let parameters = Parameters(layout: ParameterLayout(configuration))
  parameters.initialize(seed: 5)
  for view in parameters.layout.views where view.isMatrix {
    for index in 0..<view.count { parameters.values[view.offset + index] *= 5 }
  }
  return (configuration, parameters)
}
