internal import CKernels
internal import Kernels

/// y = x / √(mean(x²) + ε) · gain (Zhang and Sennrich 2019, arXiv:1910.07467).
///
/// The backward pass needs x and the inverse of the root, one number per row.
struct RMSNorm {
  /// `[width]`.
  let gain: UnsafePointer<Float>
  /// `[width]`, nil when nothing is trained.
  let gainGradient: UnsafeMutablePointer<Float>?
  let width: Int
  let epsilon: Float

  /// normed = RMSNorm(x + addend), of some rows.
  ///
  /// - Parameters:
  ///   - x: `[batch rows, width]`, as `addend`, `sum` and `inverseRMS` (one column).
  ///   - addend: nil when x is the sum already; then `sum` is not written.
  ///   - normed: `[rows.count, width]`: only the rows asked for.
  func forward(
    _ x: UnsafePointer<Float>, addend: UnsafePointer<Float>? = nil,
    sum: UnsafeMutablePointer<Float>? = nil, rows: Range<Int>,
    normed: UnsafeMutablePointer<Float>, inverseRMS: UnsafeMutablePointer<Float>,
    loops: TransformerLoops
  ) {
    let offset = rows.lowerBound * width
    loops.table.rmsnorm_forward(
      x + offset, addend.map { $0 + offset }, sum.map { $0 + offset }, gain, epsilon, rows.count,
      width, normed, inverseRMS + rows.lowerBound)
  }

  /// The gradient of x, and that of the gain. dx may be dnormed when it is set.
  ///
  /// - Parameters:
  ///   - rows: N times what a row holds (heads, for the norm of heads).
  ///   - scratch: `Step.sumScratch(rows:width:)` floats.
  func backward(
    _ dnormed: UnsafePointer<Float>, x: UnsafePointer<Float>, inverseRMS: UnsafePointer<Float>,
    rows: Int, dx: UnsafeMutablePointer<Float>, _ writing: GradientWriting,
    scratch: UnsafeMutablePointer<Float>, step: Step
  ) {
    guard let gainGradient else { preconditionFailure("no gradients were asked for") }
    step.addSumOverRows(rows, width: width, to: gainGradient, scratch: scratch) { range, dgain in
      let offset = range.lowerBound * width
      step.loops.table.rmsnorm_backward(
        dnormed + offset, x + offset, gain, inverseRMS + range.lowerBound, range.count, width,
        dx + offset, writing == .add ? 1 : 0, dgain)
    }
  }
}
