/// How the next token is drawn from the logits.
///
/// In this order: bias, penalties, the constraint's mask, temperature, top-k, top-p over what top-k
/// left, min-p. With temperature 0 the most probable token is taken and the last three say nothing.
package struct SamplingOptions: Equatable, Sendable {
  /// 0 or more; 0 is greedy.
  package var temperature: Float
  /// Keep the K most probable tokens; 0 keeps all.
  package var topK: Int
  /// Keep the most probable tokens until their mass is this much; above 0, at most 1, which keeps
  /// all (Holtzman et al. 2020, arXiv:1904.09751).
  package var topP: Float
  /// Keep tokens at least this many times as probable as the most probable one; 0 ... 1
  /// (Nguyen et al. 2024, arXiv:2407.01082).
  package var minP: Float
  /// Logits of tokens of prompt and answer are divided by this when positive, multiplied when
  /// negative; above 0, 1 does nothing (Keskar et al. 2019, arXiv:1909.05858).
  package var repetitionPenalty: Float
  /// Taken from the logit of every token that the answer holds already.
  package var presencePenalty: Float
  /// Taken from a token's logit for each time that the answer holds it.
  package var frequencyPenalty: Float
  /// Added to the logits of tokens, by id.
  package var logitBias: [Int32: Float]
  /// What chance depends on: the same request and seed draw the same numbers, whatever runs beside.
  package var seed: UInt64

  package init(
    temperature: Float = 0, topK: Int = 0, topP: Float = 1, minP: Float = 0,
    repetitionPenalty: Float = 1, presencePenalty: Float = 0, frequencyPenalty: Float = 0,
    logitBias: [Int32: Float] = [:], seed: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.presencePenalty = presencePenalty
    self.frequencyPenalty = frequencyPenalty
    self.logitBias = logitBias
    self.seed = seed
  }

  /// The first option that is out of its range: its name, and what it may be.
  package var firstProblem: (option: String, expected: String)? {
    if !(temperature >= 0 && temperature.isFinite) { return ("temperature", "0 or more") }
    if topK < 0 { return ("top_k", "0 or more") }
    if !(topP > 0 && topP <= 1) { return ("top_p", "above 0, at most 1") }
    if !(minP >= 0 && minP <= 1) { return ("min_p", "0 to 1") }
    if !(repetitionPenalty > 0 && repetitionPenalty.isFinite) {
      return ("repetition_penalty", "above 0")
    }
    if !presencePenalty.isFinite { return ("presence_penalty", "a finite number") }
    if !frequencyPenalty.isFinite { return ("frequency_penalty", "a finite number") }
    if !logitBias.values.allSatisfy(\.isFinite) { return ("logit_bias", "finite numbers") }
    return nil
  }
}
