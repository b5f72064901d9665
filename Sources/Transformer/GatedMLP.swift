internal import CKernels
internal import Kernels

/// activation(gate) · up, with the SubLN norm behind it where the model has one.
///
/// Saved are gate, up and one number per row; the product is computed again in the backward pass.
struct GatedMLP {
  let activation: ModelConfiguration.Activation
  /// F.
  let width: Int
  /// The norm on the input of `down_proj`; nil without SubLN.
  let subNorm: RMSNorm?

  private var kind: transformer_activation {
    activation == .silu ? TRANSFORMER_SILU : TRANSFORMER_RELU_SQUARED
  }

  /// Writes the input of `down_proj`, for some rows.
  ///
  /// - Parameters:
  ///   - gate: `[N, F]`, as `up`; inverseRMS: `[N]`.
  ///   - normed: `[rows.count, F]`: only the rows asked for.
  func forward(
    gate: UnsafePointer<Float>, up: UnsafePointer<Float>, rows: Range<Int>,
    normed: UnsafeMutablePointer<Float>, inverseRMS: UnsafeMutablePointer<Float>,
    loops: TransformerLoops
  ) {
    let offset = rows.lowerBound * width
    loops.table.gated_forward(
      kind, gate + offset, up + offset, subNorm?.gain, subNorm?.epsilon ?? 0, rows.count, width,
      normed, inverseRMS + rows.lowerBound)
  }

  /// The gradients of gate and up, and that of the norm's gain.
  ///
  /// - Parameters:
  ///   - dnormed: `[N, F]`, becomes the gradient of gate.
  ///   - dup: `[N, F]`, written.
  ///   - scratch: `Step.sumScratch(rows:width:)` floats.
  func backward(
    _ dnormed: UnsafeMutablePointer<Float>, gate: UnsafePointer<Float>, up: UnsafePointer<Float>,
    inverseRMS: UnsafePointer<Float>, dup: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>, step: Step
  ) {
    func rows(_ range: Range<Int>, dgain: UnsafeMutablePointer<Float>?) {
      let offset = range.lowerBound * width
      step.loops.table.gated_backward(
        kind, dnormed + offset, gate + offset, up + offset, subNorm?.gain,
        inverseRMS + range.lowerBound, range.count, width, dnormed + offset, dup + offset, dgain)
    }
    guard let subNorm else {
      return step.team.parallelRows(step.rows, grain: 8) { rows($0, dgain: nil) }
    }
    guard let gainGradient = subNorm.gainGradient else {
      preconditionFailure("no gradients were asked for")
    }
    step.addSumOverRows(step.rows, width: width, to: gainGradient, scratch: scratch) {
      rows($0, dgain: $1)
    }
  }
}
