/// The gradient of BitLinear's input, with the straight-through estimator: dx = dy · (Δ · trit).
///
/// - Parameter dy: `[m, weights.rows]`.
/// - Parameter dx: `[m, weights.columns]`, written, or added to when `accumulate`.
package func ternaryInputGradient(
  _ dy: UnsafePointer<Float>, weights: TernaryWeights, into dx: UnsafeMutablePointer<Float>,
  m: Int, accumulate: Bool, precision: ProductPrecision, team: ComputeTeam
) {
  let count = weights.rows * weights.columns
  let trits = AlignedBuffer<Int8>(count: count)
  weights.copyTrits(into: trits.pointer)
  let values = AlignedBuffer<Float>(count: count)
  for index in 0..<count { values.pointer[index] = Float(trits.pointer[index]) * weights.scale }
  productNN(
    dy, values.pointer, into: dx, m: m, n: weights.columns, k: weights.rows,
    accumulate: accumulate, precision: precision, team: team)
}

/// The gradient of BitLinear's latent weights, with the straight-through estimator:
/// dw += dyᵀ · (code / s).
///
/// - Parameter dy: `[m, out]`.
/// - Parameter codes: `[m, in]`, and their scales `[m]`.
/// - Parameter dw: `[out, in]`, added to.
package func ternaryWeightGradient(
  _ dy: UnsafePointer<Float>, codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>,
  into dw: UnsafeMutablePointer<Float>, m: Int, out: Int, in columns: Int,
  precision: ProductPrecision, team: ComputeTeam
) {
  let x = AlignedBuffer<Float>(count: m * columns)
  for row in 0..<m {
    for column in 0..<columns {
      let index = row * columns + column
      x.pointer[index] = Float(codes[index]) / scales[row]
    }
  }
  productTN(
    dy, x.pointer, into: dw, m: out, n: columns, k: m, accumulate: true, precision: precision,
    team: team)
}
