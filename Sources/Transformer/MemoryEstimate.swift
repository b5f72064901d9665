package import Kernels

/// The bytes of a model and of a step with it, known before anything is allocated.
package struct MemoryEstimate: Codable, Equatable, Sendable {
  /// Latent weights, fp32.
  package let parameters: Int
  /// Of the parameters' shape, but for a head's that comes in pieces; 0 without training.
  package let gradients: Int
  /// AdamW's two moments of the parameters' shape; 0 without training.
  package let optimizer: Int
  /// The trits that projections compute with, those in lent memory not counted; 0 in full precision.
  package let ternaryWeights: Int
  /// What the forward pass saves: of every block with training, of one without; what lies in lent
  /// memory is not counted.
  package let activations: Int
  /// What operations use and keep nothing in: the arena's scratch, the workers', RoPE's tables.
  package let scratch: Int

  /// What of the lent memory is its owner's between the forward pass and the backward pass.
  package let untilBackward: Int

  /// Everything together.
  package var total: Int {
    parameters + gradients + optimizer + ternaryWeights + activations + scratch
  }

  enum CodingKeys: String, CodingKey {
    case parameters, gradients, optimizer
    case ternaryWeights = "ternary_weights"
    case activations, scratch
    case untilBackward = "until_backward"
  }
}

extension Transformer {
  /// The bytes that `init`, with parameters, gradients and an optimizer beside it, takes.
  ///
  /// Not in it: the head with its loss, OpenBLAS's own buffers (some tens of MiB), the corpus.
  ///
  /// - Parameters:
  ///   - sequences: B. - length: T. - training: whether there is a backward pass.
  ///   - storage: how it keeps what it needs. - gradientMemory: whether some of it lies there.
  ///   - floatsUntilBackward, headGradientPlace: as `init`'s.
  package static func memoryBytes(
    configuration: ModelConfiguration, sequences: Int, length: Int, training: Bool,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own,
    floatsUntilBackward: Int = 0, headGradientPlace: HeadGradientPlace = .region,
    team: ComputeTeam = .shared
  ) -> MemoryEstimate {
    let layout = ParameterLayout(configuration)
    let parameterBytes = layout.count * MemoryLayout<Float>.stride
    let headBytes = layout.head.count * MemoryLayout<Float>.stride
    let lent =
      training && gradientMemory == .lent
      ? LentGradients(layout, floatsUntilBackward: floatsUntilBackward) : nil
    var arena = Arena.measuring
    let activations = TransformerActivations(
      configuration, rows: sequences * length, isTraining: training, storage: storage,
      lent: lent, arena: &arena)
    return MemoryEstimate(
      parameters: parameterBytes,
      gradients: training ? parameterBytes - (headGradientPlace == .pieces ? headBytes : 0) : 0,
      optimizer: training ? 2 * parameterBytes : 0,
      ternaryWeights: activations.tritBytes,
      activations: activations.savedBytes,
      scratch: arena.bytes - activations.savedBytes - activations.tritBytes
        + RoPE.tableBytes(configuration, maximumLength: length)
        + team.threadCount
        * workerScratchBytes(configuration, length: length, loops: TransformerLoops()),
      untilBackward: lent?.bytesUntilBackward ?? 0)
  }

  /// Bytes that a model with ternary projections takes more as long as `quantizationStrength` is set.
  ///
  /// - Parameters: as in `memoryBytes`, of a training.
  package static func mixingBytes(
    configuration: ModelConfiguration, sequences: Int, length: Int,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own,
    floatsUntilBackward: Int = 0
  ) -> Int {
    let layout = ParameterLayout(configuration)
    var arena = Arena.measuring
    _ = TransformerActivations(
      configuration, rows: sequences * length, isTraining: true, storage: storage,
      lent: gradientMemory == .lent
        ? LentGradients(layout, floatsUntilBackward: floatsUntilBackward) : nil,
      arena: &arena)
    return MixingMemory.bytes(layout, inputCount: arena.countAside)
  }

  /// Bytes of one worker's scratch in the most demanding operation.
  static func workerScratchBytes(
    _ configuration: ModelConfiguration, length: Int, loops: TransformerLoops
  ) -> Int {
    let widest = max(
      configuration.hiddenSize, configuration.queryWidth, configuration.intermediateSize)
    return max(
      ProjectionInput.workerScratchBytes(width: widest),
      Attention(configuration).workerScratchBytes(length: length, loops: loops))
  }
}
