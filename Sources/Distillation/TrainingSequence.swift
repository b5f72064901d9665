/// A teacher's distributions for the tokens of one sequence, row t for token t.
package struct TeacherSignal: Equatable, Sendable {
  /// K, the room for candidates in each row.
  package let candidateCount: Int
  /// `[tokens, K]`, −1 where a row has fewer entries.
  package let ids: [Int32]
  /// `[tokens, K]`, natural logarithms at temperature 1.
  package let logprobs: [Float]
  /// `[tokens]`, the log of the mass on all other tokens; 0 where there is no signal.
  package let otherLogprobs: [Float]

  /// - Parameters: as the properties; the arrays' lengths must agree.
  package init(candidateCount: Int, ids: [Int32], logprobs: [Float], otherLogprobs: [Float]) {
    precondition(
      ids.count == candidateCount * otherLogprobs.count && logprobs.count == ids.count,
      "ids and logprobs must be [\(otherLogprobs.count), \(candidateCount)]")
    self.candidateCount = candidateCount
    self.ids = ids
    self.logprobs = logprobs
    self.otherLogprobs = otherLogprobs
  }
}

/// One text to train on.
///
/// Row t of every array describes token t. The hidden state of token t − 1 predicts it, so that row
/// 0 never has a loss.
package struct TrainingSequence: Equatable, Sendable {
  /// The text.
  package let tokens: [Int32]
  /// Whether predicting this token is trained.
  package let lossMask: [Bool]
  /// Whether this token is structural (RECIPE §5).
  package let isStruct: [Bool]
  /// The teacher's distributions, nil when there is no teacher.
  package let teacher: TeacherSignal?

  /// - Parameters: as the properties; the arrays' lengths must agree.
  package init(
    tokens: [Int32], lossMask: [Bool], isStruct: [Bool], teacher: TeacherSignal? = nil
  ) {
    precondition(
      lossMask.count == tokens.count && isStruct.count == tokens.count
        && teacher.map { $0.otherLogprobs.count == tokens.count } ?? true,
      "every array must have \(tokens.count) rows")
    self.tokens = tokens
    self.lossMask = lossMask
    self.isStruct = isStruct
    self.teacher = teacher
  }

  /// A text with a loss from one token on.
  ///
  /// - Parameters:
  ///   - firstTarget: the first token with a loss: 0 for all, the prompt's length for the answer.
  ///   - structural: whether a token id is structural, by id; shorter tables mean false.
  package init(tokens: [Int32], firstTarget: Int = 0, structural: [Bool] = []) {
    self.init(
      tokens: tokens,
      lossMask: tokens.indices.map { $0 >= max(1, firstTarget) },
      isStruct: tokens.map { structural.indices.contains(Int($0)) && structural[Int($0)] })
  }

  /// How many tokens have a loss.
  package var targetCount: Int { lossMask.dropFirst().count { $0 } }

  /// Cuts a long text into windows that share one token, so that every token but the first is
  /// predicted once.
  ///
  /// - Parameter length: positions of a window; a window holds one token more.
  package static func windows(
    of tokens: [Int32], length: Int, structural: [Bool] = []
  ) -> [TrainingSequence] {
    stride(from: 0, to: max(0, tokens.count - 1), by: length).map { first in
      TrainingSequence(
        tokens: Array(tokens[first..<min(tokens.count, first + length + 1)]),
        structural: structural)
    }
  }
}
