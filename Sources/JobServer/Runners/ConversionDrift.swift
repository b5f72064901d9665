// Each text is scored by the model as it was and by every step of its conversion, so that they are
// compared position by position and no text's logits outlive it.

internal import Evaluation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Transformer

/// Held-out text, as tokens with the places that count.
struct ScoredText {
  let tokens: [Int32]
  /// The first token whose prediction counts: 1, or where a pair's answer starts.
  let firstTarget: Int

  /// `[tokens]`: the token that position t predicts; −1 where it does not count.
  var targets: [Int32] {
    tokens.indices.map { $0 + 1 < tokens.count && $0 + 1 >= firstTarget ? tokens[$0 + 1] : -1 }
  }
}

/// Compares a model with what a conversion makes of it.
struct ConversionDrift {
  private let sessions: [InferenceSession]
  private let team: ComputeTeam
  private let vocabulary: Int

  /// - Parameters:
  ///   - models: the model as it was, then the steps of its conversion.
  ///   - length: tokens of the longest text.
  init(models: [InferenceModel], length: Int, team: ComputeTeam) {
    self.team = team
    vocabulary = models[0].configuration.vocabSize
    sessions = models.map {
      InferenceSession(model: $0, maximumSequences: 1, maximumLength: length, team: team)
    }
  }

  /// The figures of each model, the first one's without a comparison; nil when it was asked to stop.
  ///
  /// - Parameter progress: called before each text with how many are done; says whether to go on.
  func scores(
    of texts: [ScoredText], progress: (Int) -> Bool
  ) throws -> [HeldOutScores]? {
    var metrics = sessions.map { _ in HeldOutMetrics() }
    for (index, text) in texts.enumerated() {
      guard progress(index) else { return nil }
      let targets = text.targets
      let original = try logits(of: text.tokens, sessions[0])
      try original.withUnsafeBufferPointer { original in
        let teacher = rows(original)
        metrics[0].add(teacher, targets: targets, team: team)
        for place in sessions.indices.dropFirst() {
          let changed = try logits(of: text.tokens, sessions[place])
          changed.withUnsafeBufferPointer { changed in
            metrics[place].add(rows(changed), targets: targets, teacher: teacher, team: team)
          }
        }
      }
    }
    return metrics.map(\.scores)
  }

  private func rows(_ logits: UnsafeBufferPointer<Float>) -> LogitRows {
    guard let base = logits.baseAddress else { preconditionFailure("a text has a token") }
    return LogitRows(
      base, count: logits.count / vocabulary, vocabularySize: vocabulary, team: team)
  }

  /// `[tokens, V]` behind every token.
  private func logits(of tokens: [Int32], _ session: InferenceSession) throws -> [Float] {
    var logits: [Float] = []
    logits.reserveCapacity(tokens.count * vocabulary)
    session.reset(0)
    try session.score(tokens, sequence: 0) { range, rows in
      logits += UnsafeBufferPointer(start: rows, count: range.count * vocabulary)
    }
    return logits
  }
}
