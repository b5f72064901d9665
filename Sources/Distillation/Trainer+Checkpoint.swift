internal import Checkpoints
package import Foundation
package import Kernels
package import Transformer

extension Trainer {
  /// What a checkpoint of the state after the last step holds; valid until the next step.
  var checkpointImage: CheckpointImage {
    CheckpointImage(
      configuration: configuration, state: state, health: health, layout: parameters.layout,
      parameters: parameters.values, firstMoments: optimizer.firstMoments.pointer,
      secondMoments: optimizer.secondMoments.pointer)
  }

  /// Writes a checkpoint while training waits; the folder appears whole or not at all.
  ///
  /// - Parameter tokenizer: the content of `tokenizer.json`; nil leaves it out.
  /// - Throws: `.checkpoint`; checkpoints that were there before are as they were.
  package func writeCheckpoint(to url: URL, tokenizer: Data? = nil) throws(TrainingError) {
    try checkpointImage.write(to: url, tokenizer: tokenizer)
  }

  /// A run that goes on where a checkpoint ends.
  ///
  /// - Parameters:
  ///   - data: the same data; its fingerprint is compared.
  ///   - teacher: the same model beside the student, when the losses need one.
  ///   - identity: what the run is made from; nil: made from `recipe`, as in `init`.
  /// - Throws: `.checkpoint` when files are missing, damaged or of another shape; `.mismatch`, with
  ///   both sides named, when the checkpoint is of another run.
  package static func resume(
    from checkpoint: URL, recipe: TrainingRecipe, configuration: ModelConfiguration,
    data: any TrainingData, teacher: CompanionTeacher? = nil, identity: RunIdentity? = nil,
    team: ComputeTeam = .shared
  ) throws(TrainingError) -> Trainer {
    try check(recipe, configuration, data, teacher)
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
      state: state, configuration: configuration, data: data, teacher: teacher,
      parameters: parameters, optimizer: optimizer, team: team)
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
