/// What `dryrun_report.json` holds: a model of full size run forward once, and what training it
/// would take.
///
/// Source: RECIPE.md §11.
package struct DryRunReport: Codable, Equatable, Sendable {
  /// Where memory goes, in bytes; `total` is their sum.
  package struct Memory: Codable, Equatable, Sendable {
    @Measured package var packedWeights: Int?
    @Measured package var embeddings: Int?
    @Measured package var cache: Int?
    @Measured package var scratch: Int?
    @Measured package var total: Int?

    package init(
      packedWeights: Int? = nil, embeddings: Int? = nil, cache: Int? = nil, scratch: Int? = nil
    ) {
      self.packedWeights = packedWeights
      self.embeddings = embeddings
      self.cache = cache
      self.scratch = scratch
      let parts = [packedWeights, embeddings, cache, scratch]
      total = parts.contains(nil) ? nil : parts.compactMap(\.self).reduce(0, +)
    }
  }

  /// The run at one width of activations.
  package struct Phase: Codable, Equatable, Sendable {
    @Measured package var prefillTokensPerS: Double?
    @Measured package var decodeTokensPerS: Double?
    @Measured package var nanCount: Int?
    @Measured package var infCount: Int?

    package init() {}
  }

  /// How far the logits at A4 are from those at A8.
  package struct Difference: Codable, Equatable, Sendable {
    /// Root of the mean square of the difference, over the same of the logits at A8.
    @Measured package var relativeRms: Double?
    @Measured package var maxAbsolute: Double?
    /// Share of positions with the same most probable token.
    @Measured package var sameTop: Double?

    package init() {}
  }

  /// The shape's name, a preset or `custom`.
  package var model = ""
  package var parameters = 0
  package var sequenceLength = 0
  package var batchSize = 0
  package var decodeTokens = 0
  package var seed: UInt64 = 0
  @Measured package var threads: Int?
  package var predictedBytes = Memory()
  package var measuredBytes = Memory()
  /// What the same numbers take at 16 bits over what they take here: of all weights, and of the
  /// ternary projections alone, which is what is often published.
  @Measured package var ratioToFp16: Double?
  @Measured package var ratioToFp16WithoutEmbeddings: Double?
  /// Resident memory of the process before the model was made.
  @Measured package var baselineRssBytes: Int?
  @Measured package var peakRssBytes: Int?
  package var a8 = Phase()
  package var a4 = Phase()
  package var difference = Difference()
  package var training: [TrainingMemory] = []

  package init() {}

  /// How far the prediction was off, in shares of what was measured: peak memory less what the
  /// process had before.
  package var predictionError: Double? {
    guard let peak = peakRssBytes, let predicted = predictedBytes.total, peak > 0 else {
      return nil
    }
    return Double(predicted + (baselineRssBytes ?? 0) - peak) / Double(peak)
  }
}

/// What one machine of a group needs to train a model, in bytes.
package struct TrainingMemory: Codable, Equatable, Sendable {
  /// Machines that share the work.
  package var worldSize: Int
  /// What they share: 0 nothing, 1 the optimizer's moments, 2 gradients too, 3 weights too.
  package var zeroStage: Int
  package var weightBytes: Int
  package var gradientBytes: Int
  package var optimizerBytes: Int
  package var activationBytes: Int
  package var totalBytes: Int

  /// Master weights, gradients and two moments are fp32 each: 4, 4 and 8 bytes a parameter.
  ///
  /// Source: Rajbhandari et al. 2020, "ZeRO", arXiv:1910.02054, figure 1, with fp32 weights.
  package init(parameters: Int, activationBytes: Int, worldSize: Int, zeroStage: Int) {
    precondition(worldSize >= 1 && (0...3).contains(zeroStage), "one machine or more, stage 0 to 3")
    func share(_ bytes: Int, from stage: Int) -> Int {
      zeroStage >= stage ? (bytes + worldSize - 1) / worldSize : bytes
    }
    self.worldSize = worldSize
    self.zeroStage = zeroStage
    self.activationBytes = activationBytes
    weightBytes = share(4 * parameters, from: 3)
    gradientBytes = share(4 * parameters, from: 2)
    optimizerBytes = share(8 * parameters, from: 1)
    totalBytes = weightBytes + gradientBytes + optimizerBytes + activationBytes
  }

  /// One machine, and 2, 4 and 8 of them at each stage.
  package static func table(parameters: Int, activationBytes: Int) -> [TrainingMemory] {
    [(1, [0]), (2, [1, 2, 3]), (4, [1, 2, 3]), (8, [1, 2, 3])].flatMap { worldSize, stages in
      stages.map { stage in
        TrainingMemory(
          parameters: parameters, activationBytes: activationBytes, worldSize: worldSize,
          zeroStage: stage)
      }
    }
  }
}
