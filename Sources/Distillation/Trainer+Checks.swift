internal import CKernels
internal import Checkpoints
internal import Foundation
internal import Kernels
package import Transformer

extension Trainer {
  /// Refuses what cannot be trained.
  static func check(
    _ recipe: TrainingRecipe, _ configuration: ModelConfiguration, _ data: any TrainingData,
    _ teacher: CompanionTeacher?
  ) throws(TrainingError) {
    var problems = recipe.problems
    if recipe.losses.needsTeacher, teacher == nil {
      problems.append("losses.kd.source dense and losses.ad need a teacher beside the student")
    }
    if let teacher, teacher.configuration.vocabSize != configuration.vocabSize {
      problems.append(
        "the teacher's vocab_size is \(teacher.configuration.vocabSize), the student's is"
          + " \(configuration.vocabSize): they must share a vocabulary")
    }
    if recipe.sequenceLength > configuration.maxPositionEmbeddings {
      problems.append(
        "sequence_length must be at most the model's max_position_embeddings,"
          + " \(configuration.maxPositionEmbeddings)")
    }
    if recipe.flip != nil, configuration.quantization == .none {
      problems.append("flip needs a model with quantization ternary")
    } else if recipe.flip != nil, !configuration.usesHadamard {
      problems.append("flip needs a model with block_hadamard: without it 4 bits diverge")
    }
    if recipe.quantizationRamp != nil, configuration.quantization == .none {
      problems.append("quantization_ramp needs a model with quantization ternary")
    }
    guard problems.isEmpty else { throw .invalidRecipe(problems) }
    guard data.count > 0 else { throw .unusableData("it has no sequence with a target") }
  }

  /// The parameters of an untrained model.
  static func randomParameters(_ configuration: ModelConfiguration, seed: UInt64) -> Parameters {
    let parameters = Parameters(layout: ParameterLayout(configuration))
    parameters.initialize(seed: seed)
    return parameters
  }

  /// The identity of a run that nobody named: made from the recipe, the shape and the data.
  package static func identity(
    recipe: TrainingRecipe, configuration: ModelConfiguration, data: any TrainingData
  ) -> RunIdentity {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var content = (try? encoder.encode(recipe)) ?? Data()
    content.append((try? encoder.encode(configuration)) ?? Data())
    return RunIdentity(
      specHash: ChecksumList.digest(of: content), traceFingerprint: data.fingerprint)
  }
}

extension TrainingRecipe {
  /// The operands of the products.
  var productPrecision: ProductPrecision {
    precision == .bf16 ? ProductPrecision.bf16.whereFaster : .fp32
  }

  /// One micro-batch needs its gradients only when the backward pass has come to them.
  var gradientMemory: GradientMemory { GradientMemory(accumulation: accumulation) }

  /// Whether the head's gradient is kept: what it is computed from, the logits' gradients of all rows,
  /// has to be much smaller. Several micro-batches add up in it, and fp16 rounds it where it is.
  func headGradientPlace(_ configuration: ModelConfiguration) -> HeadGradientPlace {
    let rows = batchSize * sequenceLength
    let isSmall =
      2 * rows <= configuration.hiddenSize
      && logitCount(configuration) == rows * configuration.vocabSize
    return accumulation == 1 && precision != .fp16 && isSmall ? .pieces : .region
  }

  /// Logits that exist at once.
  func logitCount(_ configuration: ModelConfiguration) -> Int {
    HeadLoss.logitCount(
      vocabularySize: configuration.vocabSize, maximumRows: batchSize * sequenceLength,
      hasTeacher: losses.hasDenseTeacher)
  }
}

/// Rounds every value to IEEE half precision; what is beyond its range becomes infinite.
func roundToHalf(_ values: UnsafeMutableBufferPointer<Float>, team: ComputeTeam) {
  guard let base = values.baseAddress else { return }
  team.parallelRows(values.count, grain: 1024) { range in
    round_to_half(base + range.lowerBound, range.count)
  }
}
