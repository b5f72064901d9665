// What a checkpoint holds (RECIPE §9):
//
//   model.safetensors      the latent fp32 weights, under Hugging Face's names
//   optimizer.safetensors  both moments of each, as exp_avg.NAME and exp_avg_sq.NAME
//   config.json            the model's shape
//   tokenizer.json         when the run has one
//   state.json             TrainerState
//   health.json            TrainingHealth
//   SHA256SUMS             of all of them, written by CheckpointDirectory

internal import Checkpoints
internal import Foundation
package import Transformer

/// Everything that a checkpoint holds, in memory: a trainer's own arrays, or a copy of them.
package struct CheckpointImage {
  /// The model's shape.
  package let configuration: ModelConfiguration
  /// How the run stood, after its last step.
  package let state: TrainerState
  /// How it was doing.
  package let health: TrainingHealth
  /// Of each of the three arrays.
  let layout: ParameterLayout
  let parameters: UnsafePointer<Float>
  let firstMoments: UnsafePointer<Float>
  let secondMoments: UnsafePointer<Float>

  /// The same state over other arrays.
  init(
    _ image: CheckpointImage, parameters: UnsafePointer<Float>,
    firstMoments: UnsafePointer<Float>, secondMoments: UnsafePointer<Float>
  ) {
    self.init(
      configuration: image.configuration, state: image.state, health: image.health,
      layout: image.layout, parameters: parameters, firstMoments: firstMoments,
      secondMoments: secondMoments)
  }

  init(
    configuration: ModelConfiguration, state: TrainerState, health: TrainingHealth,
    layout: ParameterLayout, parameters: UnsafePointer<Float>,
    firstMoments: UnsafePointer<Float>, secondMoments: UnsafePointer<Float>
  ) {
    self.configuration = configuration
    self.state = state
    self.health = health
    self.layout = layout
    self.parameters = parameters
    self.firstMoments = firstMoments
    self.secondMoments = secondMoments
  }

  /// Writes everything that `Trainer.resume` needs; the folder appears whole or not at all.
  ///
  /// - Parameter tokenizer: the content of `tokenizer.json`; nil leaves it out.
  /// - Throws: `.checkpoint`; checkpoints that were there before are as they were.
  func write(to url: URL, tokenizer: Data?) throws(TrainingError) {
    do {
      try CheckpointDirectory.write(at: url) { folder in
        try SafetensorsWriter.write(
          to: folder.appendingPathComponent("model.safetensors"),
          tensors: tensors(parameters, prefix: ""), metadata: ["format": "pt"])
        try SafetensorsWriter.write(
          to: folder.appendingPathComponent("optimizer.safetensors"),
          tensors: tensors(firstMoments, prefix: "exp_avg.")
            + tensors(secondMoments, prefix: "exp_avg_sq."))
        try writeJSON(configuration, "config.json", in: folder)
        try writeJSON(state, "state.json", in: folder)
        try writeJSON(health, "health.json", in: folder)
        if let tokenizer {
          try AtomicFile.write(tokenizer, to: folder.appendingPathComponent("tokenizer.json"))
        }
      }
    } catch {
      throw .checkpoint("checkpoint \(url.path) was not written: \(error)")
    }
  }

  private func tensors(
    _ values: UnsafePointer<Float>, prefix: String
  ) -> [SafetensorsWriter.Tensor] {
    layout.views.map {
      SafetensorsWriter.Tensor(
        name: prefix + $0.name, shape: $0.shape, values: values + $0.offset)
    }
  }
}

/// Writes one of the small files of a checkpoint, for people to read.
func writeJSON(_ value: some Encodable, _ name: String, in folder: URL) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try AtomicFile.write(encoder.encode(value), to: folder.appendingPathComponent(name))
}
