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
package import Foundation
package import Kernels
package import Transformer

extension Trainer {
  /// Writes everything that `resume` needs; the folder appears whole or not at all.
  ///
  /// - Parameter tokenizer: the content of `tokenizer.json`; nil leaves it out.
  /// - Throws: `.checkpoint`; checkpoints that were there before are as they were.
  package func writeCheckpoint(to url: URL, tokenizer: Data? = nil) throws(TrainingError) {
    do {
      try CheckpointDirectory.write(at: url) { folder in
        try SafetensorsWriter.write(
          to: folder.appendingPathComponent("model.safetensors"),
          tensors: tensors(parameters.values, prefix: ""), metadata: ["format": "pt"])
        try SafetensorsWriter.write(
          to: folder.appendingPathComponent("optimizer.safetensors"),
          tensors: tensors(optimizer.firstMoments.pointer, prefix: "exp_avg.")
            + tensors(optimizer.secondMoments.pointer, prefix: "exp_avg_sq."))
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

  /// A run that goes on where a checkpoint ends.
  ///
  /// - Parameters:
  ///   - data: the same data; its fingerprint is compared.
  ///   - identity: what the run is made from; nil: made from `recipe`, as in `init`.
  /// - Throws: `.checkpoint` when files are missing, damaged or of another shape; `.mismatch`, with
  ///   both sides named, when the checkpoint is of another run.
  package static func resume(
    from checkpoint: URL, recipe: TrainingRecipe, configuration: ModelConfiguration,
    data: any TrainingData, identity: RunIdentity? = nil, team: ComputeTeam = .shared
  ) throws(TrainingError) -> Trainer {
    try check(recipe, configuration, data)
    let content = try CheckpointContent(at: checkpoint)
    let state = try content.state()
    let run = identity ?? Self.identity(recipe: recipe, configuration: configuration, data: data)
    let mismatches = state.identity.mismatches(with: run)
    guard mismatches.isEmpty else { throw .mismatch(mismatches) }
    guard state.recipe == recipe, content.configuration == configuration else {
      throw .checkpoint(
        "checkpoint \(checkpoint.path) has the spec hash of this run, but another recipe or shape")
    }
    let parameters = try content.parameters()
    let optimizer = OptimizerState(layout: parameters.layout)
    try content.readOptimizer(into: optimizer)
    return try Trainer(
      state: state, configuration: configuration, data: data, parameters: parameters,
      optimizer: optimizer, team: team)
  }

  private func tensors(
    _ values: UnsafePointer<Float>, prefix: String
  ) -> [SafetensorsWriter.Tensor] {
    parameters.layout.views.map {
      SafetensorsWriter.Tensor(
        name: prefix + $0.name, shape: $0.shape, values: values + $0.offset)
    }
  }
}

/// A checkpoint folder whose sums are right.
package struct CheckpointContent {
  private let folder: URL
  /// The model's shape.
  package let configuration: ModelConfiguration

  /// Verifies the sums and reads the shape.
  ///
  /// - Throws: `.checkpoint`, naming the file that differs.
  package init(at folder: URL) throws(TrainingError) {
    self.folder = folder
    do {
      try CheckpointDirectory.verify(at: folder)
      configuration = try JSONDecoder().decode(
        ModelConfiguration.self,
        from: Data(contentsOf: folder.appendingPathComponent("config.json")))
    } catch {
      throw .checkpoint("checkpoint \(folder.path) cannot be used: \(error)")
    }
  }

  /// How the run stood.
  package func state() throws(TrainingError) -> TrainerState {
    let url = folder.appendingPathComponent("state.json")
    do {
      let state = try JSONDecoder().decode(TrainerState.self, from: Data(contentsOf: url))
      guard state.format == TrainerState.currentFormat else {
        throw TrainingError.checkpoint(
          "\(url.path) has format \(state.format), this program reads"
            + " \(TrainerState.currentFormat)")
      }
      return state
    } catch let error as TrainingError {
      throw error
    } catch {
      throw .checkpoint("\(url.path) cannot be read: \(error)")
    }
  }

  /// The latent weights.
  package func parameters() throws(TrainingError) -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    try read("model.safetensors", prefix: "", layout: parameters.layout, into: parameters.values)
    return parameters
  }

  func readOptimizer(into optimizer: OptimizerState) throws(TrainingError) {
    let layout = ParameterLayout(configuration)
    try read(
      "optimizer.safetensors", prefix: "exp_avg.", layout: layout,
      into: optimizer.firstMoments.pointer)
    try read(
      "optimizer.safetensors", prefix: "exp_avg_sq.", layout: layout,
      into: optimizer.secondMoments.pointer)
  }

  private func read(
    _ name: String, prefix: String, layout: ParameterLayout,
    into values: UnsafeMutablePointer<Float>
  ) throws(TrainingError) {
    do throws(SafetensorsError) {
      let file = try SafetensorsFile(mapping: folder.appendingPathComponent(name))
      for view in layout.views {
        try file.copy(prefix + view.name, shape: view.shape, into: values + view.offset)
      }
    } catch {
      throw .checkpoint("checkpoint \(folder.path) cannot be used: \(error)")
    }
  }
}

/// Writes one of the small files of a checkpoint, for people to read.
func writeJSON(_ value: some Encodable, _ name: String, in folder: URL) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  try AtomicFile.write(encoder.encode(value), to: folder.appendingPathComponent(name))
}
