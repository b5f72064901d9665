internal import CKernels
internal import Foundation
internal import Kernels

/// What a teacher said at some positions: its largest candidates, and the mass of all other tokens.
package struct CandidateRows: Sendable {
  /// Most candidates of a position.
  private let candidateCount: Int
  private let ids: [Int32]
  private let logprobs: [Float]
  private let otherLogprobs: [Float]

  /// - Parameters:
  ///   - ids: `[count, candidateCount]`, by falling log-probability, −1 after the last one.
  ///   - logprobs: of the same shape, natural logs. - otherLogprobs: `[count]`.
  package init(
    candidateCount: Int, ids: [Int32], logprobs: [Float], otherLogprobs: [Float]
  ) {
    precondition(
      ids.count == logprobs.count && ids.count == candidateCount * otherLogprobs.count,
      "ids and logprobs must be [\(otherLogprobs.count), \(candidateCount)]")
    self.candidateCount = candidateCount
    self.ids = ids
    self.logprobs = logprobs
    self.otherLogprobs = otherLogprobs
  }

  /// Number of positions.
  package var count: Int { otherLogprobs.count }

  /// The candidates of a position; none where the teacher said nothing.
  func row(_ row: Int) -> [(id: Int32, logprob: Double)] {
    (row * candidateCount..<(row + 1) * candidateCount).prefix { ids[$0] >= 0 }
      .map { (ids[$0], Double(logprobs[$0])) }
  }

  /// KL(teacher ‖ student) over the candidates and one cell for all other tokens, in nats.
  func divergence(to student: LogitRows, row: Int, instructionSet: InstructionSet) -> Double {
    let candidates = self.row(row)
    let size = student.vocabularySize
    // The mass of the others is their own log-sum-exp, never 1 - Σp.
    var others = Array(UnsafeBufferPointer(start: student.logits + row * size, count: size))
    var sum = 0.0
    for candidate in candidates {
      // A weight of 0 adds nothing, whatever the student thinks.
      if candidate.logprob > -.infinity {
        sum +=
          exp(candidate.logprob)
          * (candidate.logprob - student.logProbability(of: candidate.id, row: row))
      }
      others[Int(candidate.id)] = -1e30
    }
    let other = Double(otherLogprobs[row])
    guard other > -.infinity, candidates.count < size else { return sum }
    var logSumExp = 0.0
    var top: Int32 = 0
    instructionSet.evaluationKernels.pointee.row_log_sum_exp(others, size, &logSumExp, &top)
    return sum + exp(other) * (other - (logSumExp - student.logSumExps[row]))
  }
}
