internal import CKernels

/// What the head is trained against: one row for each position that has a loss.
///
/// Positions without a loss (prompt, padding, masked) have no row, and cost no product.
package struct HeadTargets: Sendable {
  /// Row of the hidden state, `sequence * length + position`, that predicts the target.
  package var positions: [Int32] = []
  /// The token to predict.
  package var tokens: [Int32] = []
  /// Whether the token is structural, for the format loss.
  package var isStruct: [Bool] = []
  /// K, 0 when no row has a teacher's signal.
  package let candidateCount: Int
  /// `[rows, K]`, −1 where a row has fewer entries.
  package var candidateIDs: [Int32] = []
  /// `[rows, K]`, natural logarithms at temperature 1, −∞ where a row has fewer entries.
  package var candidateLogprobs: [Float] = []
  /// `[rows]`, the log of the mass on all other tokens.
  package var otherLogprobs: [Float] = []

  /// No rows yet.
  ///
  /// - Parameter candidateCount: at most `HEAD_LOSS_CANDIDATES_MAX`.
  package init(candidateCount: Int) {
    precondition(
      candidateCount <= Int(HEAD_LOSS_CANDIDATES_MAX), "\(candidateCount) candidates do not fit")
    self.candidateCount = candidateCount
  }

  /// How many rows there are.
  package var count: Int { tokens.count }

  /// How many targets are structural.
  package var structuralCount: Int { isStruct.count { $0 } }

  /// Adds one position.
  ///
  /// - Parameters:
  ///   - signal: the teacher's distribution for this target and the row of it; nil counts as no
  ///     signal.
  package mutating func append(
    position: Int, token: Int32, isStruct: Bool, signal: (teacher: TeacherSignal, row: Int)?
  ) {
    positions.append(Int32(position))
    tokens.append(token)
    self.isStruct.append(isStruct)
    guard candidateCount > 0 else { return }
    let stored = min(candidateCount, signal?.teacher.candidateCount ?? 0)
    if let signal {
      let first = signal.row * signal.teacher.candidateCount
      candidateIDs.append(contentsOf: signal.teacher.ids[first..<first + stored])
      candidateLogprobs.append(contentsOf: signal.teacher.logprobs[first..<first + stored])
    }
    let missing = candidateCount - stored
    candidateIDs.append(contentsOf: repeatElement(-1, count: missing))
    candidateLogprobs.append(contentsOf: repeatElement(-.infinity, count: missing))
    otherLogprobs.append(signal.map { $0.teacher.otherLogprobs[$0.row] } ?? 0)
  }
}
