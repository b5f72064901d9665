import Checkpoints
import Foundation
import Inference
import JobStore
import Jobs
import Kernels
import Logging
import TestSupport
import Tokenization
import Transformer

@testable import JobServer

/// A small model of random weights, called "tiny", that a harness can serve.
enum TinyModel {
  static let template = """
    {% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}\
    {% if add_generation_prompt %}<assistant>{% endif %}
    """

  static func served(
    by services: ServerServices, limits: GenerationLimits = GenerationLimits()
  ) -> ServedModels? {
    guard let folder = try? services.artifactFile("") else { return nil }
    return ServedModels(
      environment: JobEnvironment(
        store: services.store, folder: DataFolder(root: folder),
        paths: ReadablePaths(base: folder, roots: []), team: ComputeTeam(threadCount: 1)),
      limits: limits, embeddings: .int8, residentMax: 1, logger: services.logger)
  }

  /// Writes the model below the harness's folder and makes it known.
  @discardableResult
  static func add(
    to harness: RoutesHarness, template: String? = Self.template
  ) throws -> ModelRecord {
    let folder = URL(filePath: harness.folder).appending(path: "model")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let tokenizer = try BytePairTrainer(vocabularySize: 300, specialTokens: ["<|endoftext|>"])
      .train(["the cat sat on the mat and the dog sat on the log"])
    try tokenizer.write(to: folder.appending(path: "tokenizer.json"))
    let configuration = ModelConfiguration(
      vocabSize: tokenizer.vocabularySize, hiddenSize: 16, intermediateSize: 24,
      numHiddenLayers: 2, numAttentionHeads: 2, numKeyValueHeads: 1, headDim: 8,
      rmsNormEps: 1e-5, maxPositionEmbeddings: 65_536)
    try JSONEncoder().encode(configuration).write(to: folder.appending(path: "config.json"))
    let parameters = Parameters(layout: ParameterLayout(configuration))
    var random = SplitMix64(seed: 7)
    for view in parameters.layout.views {
      for index in 0..<view.count {
        let number = Float.random(in: -1...1, using: &random)
        parameters.values[view.offset + index] = view.isMatrix ? number : 1
      }
    }
    try SafetensorsWriter.write(
      to: folder.appending(path: "model.safetensors"),
      tensors: parameters.layout.views.map {
        SafetensorsWriter.Tensor(
          name: $0.name, shape: $0.shape, values: UnsafePointer(parameters.values + $0.offset))
      })
    if let template {
      try Data(template.utf8).write(to: folder.appending(path: "chat_template.jinja"))
    }
    let model = ModelRecord(
      id: .make(at: .now()), name: "tiny", path: "model", configuration: [:], parameterCount: 1,
      bytes: 1, fingerprint: String(repeating: "0", count: 64), createdAt: .now())
    try harness.store.addModel(model)
    return model
  }
}
