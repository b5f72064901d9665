internal import Evaluation
internal import Inference
internal import Kernels
internal import Transformer

extension Contestant {
  /// Prefill and decode of one sequence, the median of three runs each, and the bytes of its cache.
  func speed(team: ComputeTeam) throws -> (speed: SpeedFigures, cacheBytes: Int) {
    prepare()
    let configuration = model.configuration
    let prompt = min(256, configuration.maxPositionEmbeddings * 3 / 4)
    let decoded = min(64, configuration.maxPositionEmbeddings - prompt)
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: prompt + decoded, team: team)
    let tokens = (0..<prompt).map { Int32(($0 * 7919) % configuration.vocabSize) }
    var prefill: [Double] = []
    var decode: [Double] = []
    let clock = ContinuousClock()
    for _ in 0..<3 {
      session.reset(0)
      let first = try clock.measure { _ = try session.prefill(tokens, sequence: 0) }
      let rest = try clock.measure {
        for token in tokens.prefix(decoded) { _ = try session.decode([(0, token)]) }
      }
      prefill.append(Double(prompt) / (first / .seconds(1)))
      decode.append(Double(decoded) / (rest / .seconds(1)))
    }
    return (
      SpeedFigures(prefillTokensPerS: prefill.sorted()[1], decodeTokensPerS: decode.sorted()[1]),
      SessionBytes(
        predicting: configuration, maximumSequences: 1, maximumLength: prompt + decoded
      ).keyValueCache
    )
  }
}
