package import Kernels
package import Transformer

/// The bytes of a training run, known before anything is allocated.
///
/// Not in it: the sequences that the data holds, and OpenBLAS's own buffers (some tens of MiB).
package struct TrainingMemory: Codable, Equatable, Sendable {
  /// Latent weights.
  package let parametersBytes: Int
  /// Their gradients.
  package let gradientsBytes: Int
  /// AdamW's moments.
  package let optimizerBytes: Int
  /// The trits that products read, and those that are counted.
  package let tritsBytes: Int
  /// What the forward pass saves for the backward pass, but for what lies where gradients will.
  package let activationsBytes: Int
  /// What the operations of the model use in between, and the floats of a quantization ramp, which go
  /// when it is over.
  package let scratchBytes: Int
  /// A chunk of logits and what belongs to it, and the gradient of the hidden state.
  package let headBytes: Int
  /// The teacher beside the student, with its weights; 0 without one.
  package let teacherBytes: Int
  /// The copy that a checkpoint is written from while training goes on; 0 without one.
  package let checkpointBytes: Int

  enum CodingKeys: String, CodingKey {
    case parametersBytes = "parameters_bytes"
    case gradientsBytes = "gradients_bytes"
    case optimizerBytes = "optimizer_bytes"
    case tritsBytes = "trits_bytes"
    case activationsBytes = "activations_bytes"
    case scratchBytes = "scratch_bytes"
    case headBytes = "head_bytes"
    case teacherBytes = "teacher_bytes"
    case checkpointBytes = "checkpoint_bytes"
  }

  /// A teacher beside the student.
  package struct Teacher: Sendable {
    let configuration: ModelConfiguration
    /// `CompanionTeacher.memoryBytes`.
    package let bytes: Int

    /// - Parameters: as the properties.
    package init(configuration: ModelConfiguration, bytes: Int) {
      self.configuration = configuration
      self.bytes = bytes
    }
  }

  /// What a run of this recipe and shape will take.
  package init(
    recipe: TrainingRecipe, configuration: ModelConfiguration, checkpoints: CheckpointPlace,
    teacher: Teacher? = nil, team: ComputeTeam = .shared
  ) {
    let headGradientPlace = recipe.headGradientPlace(configuration)
    let logitCount = recipe.logitCount(configuration)
    let floatsUntilBackward = headGradientPlace == .pieces ? 0 : logitCount
    let model = Transformer.memoryBytes(
      configuration: configuration, sequences: recipe.batchSize, length: recipe.sequenceLength,
      training: true, storage: recipe.activations, gradientMemory: recipe.gradientMemory,
      floatsUntilBackward: floatsUntilBackward, headGradientPlace: headGradientPlace, team: team)
    let rows = recipe.batchSize * recipe.sequenceLength
    parametersBytes = model.parameters
    gradientsBytes = model.gradients
    optimizerBytes = model.optimizer
    tritsBytes = model.ternaryWeights + TritCounter.bytes(of: ParameterLayout(configuration))
    activationsBytes = model.activations
    let mixingBytes =
      recipe.quantizationRamp == nil
      ? 0
      : Transformer.mixingBytes(
        configuration: configuration, sequences: recipe.batchSize, length: recipe.sequenceLength,
        storage: recipe.activations, gradientMemory: recipe.gradientMemory,
        floatsUntilBackward: floatsUntilBackward)
    scratchBytes = model.scratch + mixingBytes
    headBytes =
      HeadLoss.scratchBytes(
        vocabularySize: configuration.vocabSize, width: configuration.hiddenSize,
        maximumRows: rows,
        denseTeacherWidth: recipe.losses.hasDenseTeacher ? teacher?.configuration.hiddenSize : nil)
      + (model.untilBackward > 0 ? 0 : logitCount * MemoryLayout<Float>.stride)
      + (headGradientPlace == .pieces
        ? HeadGradientPieces.bytes(ParameterLayout(configuration)) : 0)
      + rows * configuration.hiddenSize * MemoryLayout<Float>.stride
    teacherBytes =
      teacher.map { teacher in
        // Options that cannot be are refused where the run is made.
        let relations = recipe.losses.ad.flatMap {
          try? AttentionRelationLoss.scratchBytes(
            student: configuration, teacher: teacher.configuration, options: $0.options,
            maximumRows: rows, maximumLength: recipe.sequenceLength, team: team)
        }
        return teacher.bytes + (relations ?? 0)
      } ?? 0
    checkpointBytes = checkpoints == .aside ? model.parameters + model.optimizer : 0
  }

  /// Everything together.
  package var total: Int {
    parametersBytes + gradientsBytes + optimizerBytes + tritsBytes + activationsBytes
      + scratchBytes + headBytes + teacherBytes + checkpointBytes
  }
}
