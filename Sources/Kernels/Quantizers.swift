internal import CKernels

/// How many bits an activation's code has.
package enum ActivationBits: Int, Codable, Sendable, CaseIterable {
  /// Absmax per token: codes in -128 ... 127.
  case eight = 8
  /// Absmean per token: codes in -8 ... 7.
  case four = 4
}

/// Rounds each row to integer codes times one scale (RECIPE §2, BitNet b1.58 and BitNet a4.8).
///
/// Every instruction set gives the same bits. A row with a NaN or an infinity gets a NaN scale.
///
/// - Parameter x: `[rows, columns]`.
/// - Parameter codes: `[rows, columns]`, written; x is about `code / scale`.
/// - Parameter scales: `[rows]`, written: 127 / max|x|, or √7 / mean|x|.
package func quantizeActivations(
  _ x: UnsafePointer<Float>, rows: Int, columns: Int, bits: ActivationBits,
  codes: UnsafeMutablePointer<Int8>, scales: UnsafeMutablePointer<Float>, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  let kernel =
    switch bits {
    case .eight:
      instructionSet.choose(quantize_a8_reference, quantize_a8_avx2, quantize_a8_avx512)
    case .four:
      instructionSet.choose(quantize_a4_reference, quantize_a4_avx2, quantize_a4_avx512)
    }
  team.parallelRows(rows) { range in
    let offset = range.lowerBound * columns
    kernel(x + offset, range.count, columns, codes + offset, scales + range.lowerBound)
  }
}

/// The width of the blocks that `hadamardRows` turns: the largest power of two dividing `columns`.
package func hadamardBlock(columns: Int) -> Int { columns & -columns }

/// Orthonormal block Hadamard transform of every row, in place; its own inverse and transpose.
///
/// - Parameter x: `[rows, columns]`; the block is the largest power of two that divides `columns`.
///
/// Source: BitNet v2, arXiv:2504.18415.
package func hadamardRows(
  _ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  let kernel = instructionSet.choose(hadamard_reference, hadamard_avx2, hadamard_avx512)
  let block = hadamardBlock(columns: columns)
  team.parallelRows(rows) { range in
    kernel(x + range.lowerBound * columns, range.count, columns, block)
  }
}
