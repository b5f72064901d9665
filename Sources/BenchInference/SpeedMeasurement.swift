import Inference
import Kernels
import Transformer

/// Tokens a second of one model at one thing.
struct SpeedMeasurement {
  /// One rate a run.
  let rates: [Double]
  /// Bytes of weights that one pass reads.
  let weightBytes: Int
  /// Multiplications that one token's projections need.
  let projectionWeights: Int

  init(
    _ measure: InferenceMeasure, model: InferenceModel, tokens: Int, runs: Int, team: ComputeTeam
  ) throws {
    let session = InferenceSession(
      model: model, maximumSequences: measure == .batch8 ? 8 : 1, maximumLength: tokens + 16,
      team: team)
    let clock = ContinuousClock()
    var rates: [Double] = []
    // The first run warms the caches and the clock, and does not count.
    for run in 0...runs {
      for sequence in 0..<session.maximumSequences { session.reset(sequence) }
      let (count, time) = try Self.once(
        measure, session, vocabulary: model.configuration.vocabSize, tokens: tokens, clock)
      if run > 0 { rates.append(Double(count) / (time / .seconds(1))) }
    }
    self.rates = rates
    weightBytes = model.bytes.projections + model.headBytes
    projectionWeights = model.configuration.projectionWeightCount
  }

  private static func once(
    _ measure: InferenceMeasure, _ session: InferenceSession, vocabulary: Int, tokens: Int,
    _ clock: ContinuousClock
  ) throws -> (count: Int, time: Duration) {
    let ids = (0..<tokens).map { Int32(($0 * 7919 + 13) % vocabulary) }
    switch measure {
    case .prefill:
      return (tokens, try clock.measure { _ = try session.prefill(ids, sequence: 0) })
    case .decode, .batch8:
      let sequences = session.maximumSequences
      _ = try session.prefill((0..<sequences).map { ($0, [ids[$0]]) })
      let time = try clock.measure {
        for token in ids { _ = try session.decode((0..<sequences).map { ($0, token) }) }
      }
      return (tokens * sequences, time)
    }
  }
}

extension ModelConfiguration {
  /// Weights of the seven projections of all blocks.
  var projectionWeightCount: Int {
    ParameterLayout(self).views.filter { $0.isMatrix && $0.name.contains(".layers.") }
      .reduce(0) { $0 + $1.count }
  }
}
