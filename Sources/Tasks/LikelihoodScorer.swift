// How options are scored: the prompts of many examples run together, and the logits behind each
// prompt give every option's first token. Options of one token are done then, which label words
// mostly are. The others run as continuations, which take the prompt's full pages from the cache.

internal import Evaluation
internal import Inference
internal import Kernels
internal import Transformer

/// Log-probabilities of options after prompts.
struct LikelihoodScorer {
  /// A prompt and what may follow it, in tokens; no option is empty.
  struct Question: Sendable {
    var prompt: [Int32]
    var options: [[Int32]]

    /// Of the prompt with its longest option.
    var length: Int { prompt.count + (options.map(\.count).max() ?? 0) }
  }

  /// Sequences, and their positions, that run together at most: enough for the products to reach
  /// their speed, few enough for their keys and values to stay small.
  private static let batchSequences = 64
  private static let batchPositions = 4096

  private let session: InferenceSession
  private let team: ComputeTeam
  /// Tokens that were computed.
  private(set) var tokens = 0

  /// - Parameter length: of the longest question.
  init(_ model: InferenceModel, length: Int, team: ComputeTeam) {
    self.team = team
    session = InferenceSession(
      model: model, maximumSequences: Self.batchSequences, maximumLength: length,
      cachePositions: max(Self.batchPositions, length) + Self.batchSequences * 64,
      sharesBeginnings: true, team: team)
  }

  /// The questions from `start` on that run together: one at least.
  static func batch(_ questions: [Question], from start: Int) -> Range<Int> {
    var end = start
    var positions = 0
    while end < questions.count, end - start < batchSequences {
      positions += questions[end].length
      if end > start, positions > batchPositions { break }
      end += 1
    }
    return start..<end
  }

  /// - Parameter questions: of one `batch`.
  /// - Returns: by question and option, the sum of its tokens' log-probabilities, in nats; NaN when
  ///   a logit was not finite.
  mutating func scores(_ questions: ArraySlice<Question>) throws(InferenceError) -> [[Double]] {
    var scores = questions.map { $0.options.map { _ in 0.0 } }
    let asked = Array(questions)
    for slot in 0..<Self.batchSequences { session.reset(slot) }
    var prompts: [(sequence: Int, tokens: [Int32], from: Int)] = []
    for (slot, question) in asked.enumerated() {
      let known = session.begin(question.prompt, sequence: slot)
      let rest = Array(question.prompt[known...])
      prompts.append((slot, rest, rest.count - 1))
    }
    try run(prompts) { prompt, _ in
      asked[prompt].options.enumerated().map { (prompt, $0, $1[0]) }
    } add: {
      scores[$0][$1] += $2
    }
    // What follows an option's first token.
    let longer = asked.indices.flatMap { question in
      asked[question].options.indices.compactMap { option in
        asked[question].options[option].count > 1 ? (question: question, option: option) : nil
      }
    }
    var start = 0
    while start < longer.count {
      let batch = Self.batch(longer.map { asked[$0.question] }, from: start)
      defer { start = batch.upperBound }
      for slot in 0..<Self.batchSequences { session.reset(slot) }
      let places = Array(longer[batch])
      prompts = places.enumerated().map { slot, place in
        let (prompt, option) = (
          asked[place.question].prompt, asked[place.question].options[place.option]
        )
        // Pages beyond the prompt stay unused: the logits behind their tokens are needed.
        let known = session.begin(prompt + option.prefix(1), sequence: slot)
        return (slot, Array(prompt[known...]) + option.dropLast(), prompt.count - known)
      }
      let starts = prompts.map(\.from)
      try run(prompts) { prompt, offset in
        let place = places[prompt]
        let option = asked[place.question].options[place.option]
        return [(place.question, place.option, option[offset - starts[prompt] + 1])]
      } add: {
        scores[$0][$1] += $2
      }
    }
    return scores
  }

  /// Runs prompts and adds the log-probabilities of the tokens that `targets` names for a place: a
  /// question, an option, and the option's token there.
  private mutating func run(
    _ prompts: [(sequence: Int, tokens: [Int32], from: Int)],
    targets: (_ prompt: Int, _ offset: Int) -> [(question: Int, option: Int, token: Int32)],
    add: (_ question: Int, _ option: Int, _ logProbability: Double) -> Void
  ) throws(InferenceError) {
    tokens += prompts.reduce(0) { $0 + $1.tokens.count }
    let vocabulary = session.model.configuration.vocabSize
    try session.score(prompts) { places, logits in
      let rows = LogitRows(
        logits, count: places.count, vocabularySize: vocabulary, team: team)
      for (row, place) in places.enumerated() {
        for target in targets(place.prompt, place.offset) {
          add(target.question, target.option, rows.logProbability(of: target.token, row: row))
        }
      }
    }
  }
}
