package import Transformer

/// What the model sees at once, and what it is trained against.
package struct MicroBatch: Sendable {
  /// Inputs, right padded: all tokens of each sequence but the last.
  package let tokens: TokenBatch
  /// A row for each position with a loss.
  package let targets: HeadTargets
  /// Tokens of the inputs, without padding.
  package let inputTokens: Int
  /// Sequences that were longer than the limit.
  package let cutSequences: Int

  /// - Parameters: as the properties.
  init(tokens: TokenBatch, targets: HeadTargets, inputTokens: Int, cutSequences: Int) {
    self.tokens = tokens
    self.targets = targets
    self.inputTokens = inputTokens
    self.cutSequences = cutSequences
  }

  /// Lays sequences side by side.
  ///
  /// - Parameters:
  ///   - sequences: not empty, each of two tokens or more; token ids must be below
  ///     `vocabularySize`.
  ///   - maximumLength: positions of the model; longer sequences lose their end.
  ///   - withTeacher: whether the teacher's distributions are needed.
  package init(
    _ sequences: [TrainingSequence], maximumLength: Int, vocabularySize: Int, withTeacher: Bool
  ) throws(TrainingError) {
    let lengths = sequences.map { min(maximumLength, $0.tokens.count - 1) }
    guard let length = lengths.max(), lengths.allSatisfy({ $0 >= 1 }) else {
      throw .unusableData("a batch has a sequence of fewer than two tokens")
    }
    let candidateCount =
      withTeacher ? sequences.compactMap { $0.teacher?.candidateCount }.max() ?? 0 : 0
    var tokens = [Int32](repeating: 0, count: sequences.count * length)
    var targets = HeadTargets(candidateCount: candidateCount)
    for (row, sequence) in sequences.enumerated() {
      let used = sequence.tokens.prefix(lengths[row] + 1)
      if let token = used.first(where: { $0 < 0 || $0 >= vocabularySize }) {
        throw .unusableData("token \(token) is outside a vocabulary of \(vocabularySize)")
      }
      for position in 0..<lengths[row] {
        tokens[row * length + position] = sequence.tokens[position]
        guard sequence.lossMask[position + 1] else { continue }
        targets.append(
          position: row * length + position, token: sequence.tokens[position + 1],
          isStruct: sequence.isStruct[position + 1],
          signal: sequence.teacher.map { ($0, position + 1) })
      }
    }
    self.tokens = TokenBatch(
      sequences: sequences.count, length: length, tokens: tokens, lengths: lengths.map(Int32.init))
    self.targets = targets
    inputTokens = lengths.reduce(0, +)
    cutSequences = zip(sequences, lengths).count { $0.tokens.count - 1 > $1 }
  }
}
