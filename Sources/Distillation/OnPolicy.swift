package import Kernels
package import Transformer

/// On-policy distillation: in some steps the student writes the answers that its teacher then scores
/// (Agarwal et al., arXiv 2306.13649), so that it learns from its own mistakes.
package struct OnPolicyRecipe: Codable, Equatable, Sendable {
  /// Every how many steps the student writes, 1 or more: 1 is always.
  package var every: Int
  /// Tokens of an answer, at most; 1 or more.
  package var maximumTokens: Int
  /// Of the student's sampling; 0 is greedy.
  package var temperature: Float

  enum CodingKeys: String, CodingKey {
    case every, temperature
    case maximumTokens = "max_tokens"
  }

  /// - Parameters: as the properties.
  package init(every: Int = 2, maximumTokens: Int = 64, temperature: Float = 1) {
    self.every = every
    self.maximumTokens = maximumTokens
    self.temperature = temperature
  }

  /// Whether the student writes what a step trains on.
  func writes(inStep step: Int) -> Bool { step % every == every - 1 }
}

/// Lets a student write.
package protocol StudentAuthor: AnyObject {
  /// Continues prompts, each up to its end-of-text token, which is part of the answer, or the
  /// recipe's limit. A pure function of its arguments.
  ///
  /// - Parameters:
  ///   - parameters: of the student as it is now. - bits: of its activations.
  ///   - maximumLength: positions of prompt and answer together.
  func answers(
    to prompts: [[Int32]], recipe: OnPolicyRecipe, configuration: ModelConfiguration,
    parameters: Parameters, bits: ActivationBits?, maximumLength: Int, seed: UInt64
  ) throws -> [[Int32]]
}

extension MicroBatch {
  /// Of every sequence, what stands before its first target.
  var prompts: [[Int32]] {
    let length = tokens.length
    var firstTargets = tokens.lengths.map { Int($0) - 1 }
    for position in targets.positions {
      let (row, place) = Int(position).quotientAndRemainder(dividingBy: length)
      firstTargets[row] = min(firstTargets[row], place)
    }
    return firstTargets.enumerated().map { row, place in
      Array(tokens.tokens[row * length...row * length + place])
    }
  }

  /// The same prompts with other answers, all of which are targets.
  func answered(
    by answers: [[Int32]], maximumLength: Int, vocabularySize: Int
  ) throws(TrainingError) -> MicroBatch {
    let sequences = zip(prompts, answers).map { prompt, answer in
      TrainingSequence(tokens: prompt + answer, firstTarget: prompt.count)
    }
    return try MicroBatch(
      sequences, maximumLength: maximumLength, vocabularySize: vocabularySize, withTeacher: false)
  }
}

extension Trainer {
  /// What a step trains on, and with which losses: the data, or what the student writes after its
  /// prompts. The cross-entropy on one's own words teaches nothing, so that only the teacher speaks.
  func material(
    for batches: [MicroBatch]
  ) throws(TrainingError) -> (batches: [MicroBatch], losses: LossWeights) {
    guard let onPolicy = recipe.onPolicy, onPolicy.writes(inStep: state.step) else {
      return (batches, recipe.losses)
    }
    guard let author else {
      throw .invalidRecipe(["on_policy needs something that writes as the student"])
    }
    var losses = recipe.losses
    losses.ce = 0
    losses.format = 0
    var written: [MicroBatch] = []
    for (index, batch) in batches.enumerated() {
      let answers: [[Int32]]
      do {
        answers = try author.answers(
          to: batch.prompts, recipe: onPolicy, configuration: configuration,
          parameters: parameters, bits: transformer.activationBits,
          maximumLength: recipe.sequenceLength,
          seed: recipe.seed &+ UInt64(state.step * recipe.accumulation + index) << 32)
      } catch {
        throw .unusableData("the student cannot write: \(error)")
      }
      written.append(
        try batch.answered(
          by: answers, maximumLength: recipe.sequenceLength,
          vocabularySize: configuration.vocabSize))
    }
    return (written, losses)
  }
}
