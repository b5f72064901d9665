import CKernels
package import Kernels

/// The K most probable tokens of rows of logits, and the log of the mass on all others.
package struct TopCandidates: Equatable, Sendable {
  /// Most candidates that a row can have.
  package static let countMax = Int(TOP_CANDIDATES_MAX)

  /// `[rows, K]`, by falling probability; equal ones by rising id.
  package let ids: [Int32]
  /// `[rows, K]`, natural logs of the softmax over the vocabulary.
  package let logprobs: [Float]
  /// `[rows]`, log of the mass on all other tokens; minus infinity when there are none.
  package let otherLogprobs: [Float]
  /// `[rows]`, whether all logits are finite; the row's values mean nothing otherwise.
  package let isFinite: [Bool]

  /// Selects from `logits`, which are overwritten by the masses of the other tokens, up to a factor a
  /// row, and by 0 or less at the candidates.
  ///
  /// The mass of the others is the log-sum-exp over them, never 1 - Σp (RECIPE §4). Each row is
  /// computed for itself, so that the bits do not depend on the team.
  ///
  /// - Parameters:
  ///   - logits: `[rows, vocabularySize]`.
  ///   - count: K, at most `countMax` and `vocabularySize`.
  package init(
    of logits: UnsafeMutablePointer<Float>, rows: Int, vocabularySize: Int, count: Int,
    team: ComputeTeam, instructionSet: InstructionSet = .active
  ) {
    precondition(
      1...min(Self.countMax, vocabularySize) ~= count,
      "candidates must be 1 to \(min(Self.countMax, vocabularySize))")
    let kernel: (UnsafePointer<top_candidates_chunk>, Int, Int) -> Void =
      switch instructionSet {
      case .scalar: { top_candidates_reference($0, $1, $2) }
      case .avx2: { top_candidates_avx2($0, $1, $2) }
      case .avx512: { top_candidates_avx512($0, $1, $2) }
      }
    var ids = [Int32](repeating: 0, count: rows * count)
    var logprobs = [Float](repeating: 0, count: rows * count)
    var others = [Float](repeating: 0, count: rows)
    var finite = [UInt8](repeating: 0, count: rows)
    ids.withUnsafeMutableBufferPointer { ids in
      logprobs.withUnsafeMutableBufferPointer { logprobs in
        others.withUnsafeMutableBufferPointer { others in
          finite.withUnsafeMutableBufferPointer { finite in
            var chunk = top_candidates_chunk(
              logits: logits, vocabulary: vocabularySize, candidates: count,
              ids: ids.baseAddress, logprobs: logprobs.baseAddress,
              other_logprobs: others.baseAddress, finite: finite.baseAddress)
            withUnsafePointer(to: &chunk) { chunk in
              team.parallelRows(rows) { kernel(chunk, $0.lowerBound, $0.upperBound) }
            }
          }
        }
      }
    }
    self.ids = ids
    self.logprobs = logprobs
    otherLogprobs = others
    isFinite = finite.map { $0 != 0 }
  }
}
