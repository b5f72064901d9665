internal import CKernels
package import Kernels

/// The C loops of one instruction set, chosen once, outside every loop.
package struct TransformerLoops {
  let table: transformer_kernels_table
  private let quantizeEightBits:
    @convention(c) (
      UnsafePointer<Float>?, Int, Int, UnsafeMutablePointer<Int8>?, UnsafeMutablePointer<Float>?
    ) -> Void
  private let quantizeFourBits:
    @convention(c) (
      UnsafePointer<Float>?, Int, Int, UnsafeMutablePointer<Int8>?, UnsafeMutablePointer<Float>?
    ) -> Void
  private let mixCodes:
    @convention(c) (
      UnsafePointer<Float>?, UnsafePointer<Int8>?, UnsafePointer<Float>?, Int, Int, Float,
      UnsafeMutablePointer<Float>?
    ) -> Void
  private let hadamard: @convention(c) (UnsafeMutablePointer<Float>?, Int, Int, Int) -> Void

  /// - Parameter instructionSet: at most what this CPU supports.
  package init(_ instructionSet: InstructionSet = .active) {
    precondition(instructionSet <= .supported, "this CPU has no \(instructionSet)")
    switch instructionSet {
    case .scalar:
      table = transformer_kernels(0).pointee
      quantizeEightBits = quantize_a8_reference
      quantizeFourBits = quantize_a4_reference
      mixCodes = mix_codes_reference
      hadamard = hadamard_reference
    case .avx2:
      table = transformer_kernels(1).pointee
      quantizeEightBits = quantize_a8_avx2
      quantizeFourBits = quantize_a4_avx2
      mixCodes = mix_codes_avx2
      hadamard = hadamard_avx2
    case .avx512:
      table = transformer_kernels(2).pointee
      quantizeEightBits = quantize_a8_avx512
      quantizeFourBits = quantize_a4_avx512
      mixCodes = mix_codes_avx512
      hadamard = hadamard_avx512
    }
  }

  /// Rounds rows to codes on the calling thread; the formulas are at `quantizeActivations`.
  ///
  /// - Parameter x: `[rows, columns]`. - Parameter codes: likewise. - Parameter scales: `[rows]`.
  func quantize(
    _ x: UnsafePointer<Float>, rows: Int, columns: Int, bits: ActivationBits,
    codes: UnsafeMutablePointer<Int8>, scales: UnsafeMutablePointer<Float>
  ) {
    switch bits {
    case .eight: quantizeEightBits(x, rows, columns, codes, scales)
    case .four: quantizeFourBits(x, rows, columns, codes, scales)
    }
  }

  /// Sets `mixed` to (1 − strength) x + strength code / scale, on the calling thread.
  ///
  /// - Parameter x: `[rows, columns]`. - Parameter codes: likewise, and `mixed`.
  /// - Parameter scales: `[rows]`.
  func mix(
    _ x: UnsafePointer<Float>, codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>,
    rows: Int, columns: Int, strength: Float, into mixed: UnsafeMutablePointer<Float>
  ) {
    mixCodes(x, codes, scales, rows, columns, strength, mixed)
  }

  /// The orthonormal block Hadamard transform of rows, in place, on the calling thread.
  ///
  /// - Parameter x: `[rows, columns]`.
  func hadamard(_ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    hadamard(x, rows, columns, hadamardBlock(columns: columns))
  }
}
