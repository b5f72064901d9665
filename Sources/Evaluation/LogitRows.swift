internal import CKernels
package import Kernels

/// Rows of logits, `[count, vocabularySize]`, and what each says by itself.
///
/// The logits are borrowed: they must outlive the value, and not change.
package struct LogitRows {
  let logits: UnsafePointer<Float>
  let count: Int
  let vocabularySize: Int
  /// lse of each row; NaN for a row with a logit that is not finite.
  let logSumExps: [Double]
  /// The most probable token of each row, the lowest among equals; −1 for a row that is not finite.
  let topTokens: [Int32]

  /// Reduces the rows.
  package init(
    _ logits: UnsafePointer<Float>, count: Int, vocabularySize: Int,
    instructionSet: InstructionSet = .active, team: ComputeTeam
  ) {
    precondition(vocabularySize > 0, "a row needs a logit")
    self.logits = logits
    self.count = count
    self.vocabularySize = vocabularySize
    let kernels = instructionSet.evaluationKernels
    var logSumExps = [Double](repeating: 0, count: count)
    var topTokens = [Int32](repeating: 0, count: count)
    logSumExps.withUnsafeMutableBufferPointer { logSumExps in
      topTokens.withUnsafeMutableBufferPointer { topTokens in
        // Each row has its own place in the results, so that threads share nothing.
        nonisolated(unsafe) let (logSumExps, topTokens) = (logSumExps, topTokens)
        team.parallelRows(count) { range in
          for row in range {
            kernels.pointee.row_log_sum_exp(
              logits + row * vocabularySize, vocabularySize, &logSumExps[row], &topTokens[row])
          }
        }
      }
    }
    self.logSumExps = logSumExps
    self.topTokens = topTokens
  }

  /// The log-probability of `token` in a row; NaN in a row with a logit that is not finite.
  package func logProbability(of token: Int32, row: Int) -> Double {
    Double(logits[row * vocabularySize + Int(token)]) - logSumExps[row]
  }

  /// KL(self ‖ student) of the rows in `rows`, in nats.
  func divergences(
    to student: LogitRows, rows: [Int], instructionSet: InstructionSet, team: ComputeTeam
  ) -> [Double] {
    let kernels = instructionSet.evaluationKernels
    var result = [Double](repeating: 0, count: rows.count)
    result.withUnsafeMutableBufferPointer { result in
      // Each row has its own place in the result, too.
      nonisolated(unsafe) let result = result
      team.parallelRows(rows.count) { range in
        for index in range {
          let offset = rows[index] * vocabularySize
          result[index] = kernels.pointee.row_divergence(
            logits + offset, logSumExps[rows[index]], student.logits + offset,
            student.logSumExps[rows[index]], vocabularySize)
        }
      }
    }
    return result
  }
}

extension InstructionSet {
  var evaluationKernels: UnsafePointer<evaluation_kernels_table> {
    let index: Int32 =
      switch self {
      case .scalar: 0
      case .avx2: 1
      case .avx512: 2
      }
    return evaluation_kernels(index)
  }
}
