// Dense products, row-major. An operand is converted (rounded to bf16, widened from codes or trits)
// while it is packed for the kernel. The bits of a product do not depend on the thread count.

internal import CKernels
internal import Foundation

/// How the operands of a product enter it.
package enum ProductPrecision: String, Sendable {
  /// As they are.
  case fp32
  /// Rounded to bf16, accumulated in fp32.
  case bf16
  /// Rounded to integers that share a step with their neighbours, accumulated in int32 (dynamic fixed
  /// point: Das et al. 2018, arXiv:1802.00930). What rounding takes from the norm of up to 1024
  /// neighbours, 128 where both operands are floats, is less than bf16 may take.
  case int16

  /// What products compute in whose operands may be rounded to bf16: what is fastest on this CPU and
  /// no coarser. Chosen once; `BITNET_PRODUCTS` decides instead.
  package var whereFaster: ProductPrecision { self == .bf16 ? Self.fastest : self }

  // vdpbf16ps does twice the work of a multiply-add of floats on Zen 4 and Zen 5, and half of it on
  // Sapphire and Emerald Rapids; vpdpwssd does twice the work on all of them (`BenchKernels` measures
  // them).
  private static let fastest: ProductPrecision =
    ProcessInfo.processInfo.environment["BITNET_PRODUCTS"].flatMap(Self.init(rawValue:))
    ?? (InstructionSet.active < .avx512 ? .fp32 : cpu_has_fast_bf16() == 1 ? .bf16 : .int16)
}

/// How the floats of a product's left operand become integers, where it computes in int16.
package enum ProductRounding: Sendable {
  /// Each to the nearest one.
  case nearest
  /// Up or down, so that they are right on average. Of a softmax' gradient most are positive and below
  /// half a step: to the nearest, all of them would be lost, and what they add up to.
  ///
  /// - Parameter firstRow: the place of the operand's first row in the matrix that it is a part of, so
  ///   that parts give the bits of the whole.
  case unbiased(firstRow: Int = 0)
}

/// Numbers that the squares of a product `[m, n]` are added up from.
package func squareSumCount(m: Int, n: Int) -> Int {
  PRODUCT_SQUARE_LANES * max(m, (n - 1) / PRODUCT_PANEL_COLUMNS + 1)
}

/// y = x · wᵀ.
///
/// - Parameter x: `[m, k]`. - Parameter w: `[n, k]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `k`; `k` when nil. Likewise
///   `wStride`, and `yStride`, which is `n` when nil.
package func productNT(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  Product(
    left: .rows(x, stride: xStride ?? k), right: .columns(w, stride: wStride ?? k),
    y: y, yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate
  ).run(precision, team: team, instructionSet: instructionSet)
}

/// y = x · w.
///
/// - Parameter x: `[m, k]`. - Parameter w: `[k, n]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `k`; `k` when nil. Likewise
///   `wStride` and `yStride`, which are `n` when nil.
package func productNN(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, rounding: ProductRounding = .nearest,
  team: ComputeTeam, instructionSet: InstructionSet = .active
) {
  Product(
    left: .rows(x, stride: xStride ?? k), right: .rows(w, stride: wStride ?? n),
    y: y, yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate,
    rounding: rounding
  ).run(precision, team: team, instructionSet: instructionSet)
}

/// y = xᵀ · w.
///
/// - Parameter squareSums: `[squareSumCount(m:n:)]`, to have the squares of y added up while it is in a cache.
/// - Returns: the sum of the squares of y if so, the same bits for every thread count.
/// - Parameter x: `[k, m]`. - Parameter w: `[k, n]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `m`; `m` when nil. Likewise
///   `wStride` and `yStride`, which are `n` when nil.
@discardableResult
package func productTN(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, rounding: ProductRounding = .nearest,
  squareSums: UnsafeMutablePointer<Double>? = nil, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) -> Double? {
  Product(
    left: .columns(x, stride: xStride ?? m), right: .rows(w, stride: wStride ?? n),
    y: y, yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate,
    rounding: rounding, squareSums: squareSums
  ).run(precision, team: team, instructionSet: instructionSet)
}

/// The gradient of BitLinear's input, with the straight-through estimator: dx = dy · (Δ · trit).
/// The trits are exact in every precision; only `dy` is rounded.
///
/// - Parameter dy: `[m, weights.rows]`.
/// - Parameter dx: `[m, weights.columns]`, written, or added to when `accumulate`.
package func ternaryInputGradient(
  _ dy: UnsafePointer<Float>, weights: TernaryWeights, into dx: UnsafeMutablePointer<Float>,
  m: Int, accumulate: Bool, precision: ProductPrecision, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  Product(
    left: .rows(dy, stride: weights.rows), right: .trits(weights), y: dx,
    yStride: weights.columns, m: m, n: weights.columns, k: weights.rows, accumulate: accumulate,
    scale: weights.scale
  ).run(precision, team: team, instructionSet: instructionSet)
}

/// The gradient of BitLinear's latent weights, with the straight-through estimator:
/// dw = dyᵀ · (code / s), taken as (dy / s)ᵀ · code: the codes are exact in every
/// precision.
///
/// - Parameter dy: `[m, out]`.
/// - Parameter codes: `[m, in]`, and their scales `[m]`.
/// - Parameter dw: `[out, in]`, added to, or written when not `accumulate`.
/// - Parameter squareSums: `[squareSumCount(m: out, n: in)]`, to have the squares of dw added up while it is
///   in a cache.
/// - Returns: the sum of the squares of dw if so, the same bits for every thread count.
@discardableResult
package func ternaryWeightGradient(
  _ dy: UnsafePointer<Float>, codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>,
  into dw: UnsafeMutablePointer<Float>, m: Int, out: Int, in columns: Int,
  accumulate: Bool = true, precision: ProductPrecision,
  squareSums: UnsafeMutablePointer<Double>? = nil, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) -> Double? {
  Product(
    left: .columns(dy, stride: out, divisors: scales), right: .codes(codes, stride: columns),
    y: dw, yStride: columns, m: out, n: columns, k: m, accumulate: accumulate,
    squareSums: squareSums
  ).run(precision, team: team, instructionSet: instructionSet)
}
