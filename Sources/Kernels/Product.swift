// Dense products, row-major. A product is split over the team in blocks that depend on its shape
// only, so that its bits do not depend on the thread count.

internal import COpenBLAS

/// How the operands of a product enter it.
package enum ProductPrecision: Sendable {
  /// As they are.
  case fp32
  /// Rounded to bf16, accumulated in fp32.
  case bf16
}

/// y = x · wᵀ.
///
/// - Parameter x: `[m, k]`. - Parameter w: `[n, k]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `k`; `k` when nil. Likewise
///   `wStride` and `yStride`.
package func productNT(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, team: ComputeTeam
) {
  product(
    Operand(x, xStride ?? k, .plain), Operand(w, wStride ?? k, .transposed), into: y,
    yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate, team: team)
}

/// y = x · w.
///
/// - Parameter x: `[m, k]`. - Parameter w: `[k, n]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `k`; `k` when nil. Likewise
///   `wStride` and `yStride`, `n` when nil.
package func productNN(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, team: ComputeTeam
) {
  product(
    Operand(x, xStride ?? k, .plain), Operand(w, wStride ?? n, .plain), into: y,
    yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate, team: team)
}

/// y = xᵀ · w.
///
/// - Parameter x: `[k, m]`. - Parameter w: `[k, n]`.
/// - Parameter y: `[m, n]`, written, or added to when `accumulate`.
/// - Parameter xStride: elements from one row of x to the next, at least `m`; `m` when nil. Likewise
///   `wStride` and `yStride`, `n` when nil.
package func productTN(
  _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
  m: Int, n: Int, k: Int, xStride: Int? = nil, wStride: Int? = nil, yStride: Int? = nil,
  accumulate: Bool, precision: ProductPrecision, team: ComputeTeam
) {
  product(
    Operand(x, xStride ?? m, .transposed), Operand(w, wStride ?? n, .plain), into: y,
    yStride: yStride ?? n, m: m, n: n, k: k, accumulate: accumulate, team: team)
}

/// How an operand lies in memory.
private enum Order {
  case plain
  case transposed

  var flag: CBLAS_TRANSPOSE { self == .plain ? CblasNoTrans : CblasTrans }
}

private struct Operand {
  let values: UnsafePointer<Float>
  let stride: Int
  let order: Order

  init(_ values: UnsafePointer<Float>, _ stride: Int, _ order: Order) {
    self.values = values
    self.stride = stride
    self.order = order
  }

  /// The operand without its first `rows` rows.
  func dropping(rows: Int) -> UnsafePointer<Float> {
    values + (order == .plain ? rows * stride : rows)
  }

  /// The operand without its first `columns` columns.
  func dropping(columns: Int) -> UnsafePointer<Float> {
    values + (order == .plain ? columns : columns * stride)
  }
}

// OpenBLAS must not start threads of its own: the team is the one way to go parallel.
private let oneThread: Void = openblas_set_num_threads(1)

private func product(
  _ x: Operand, _ w: Operand, into y: UnsafeMutablePointer<Float>, yStride: Int, m: Int, n: Int,
  k: Int, accumulate: Bool, team: ComputeTeam
) {
  _ = oneThread
  // OpenBLAS picks kernels by shape: blocks of a fixed size give bits that no thread count changes.
  let splitsRows = m >= n
  let size = splitsRows ? m : n
  let block = max(64, (size + 15) / 16 + 63 & ~63)
  team.parallelRows((size + block - 1) / block) { blocks in
    for index in blocks {
      let first = index * block
      let width = min(block, size - first)
      let (rows, columns) = splitsRows ? (width, n) : (m, width)
      cblas_sgemm(
        CblasRowMajor, x.order.flag, w.order.flag, Int32(rows), Int32(columns), Int32(k), 1,
        splitsRows ? x.dropping(rows: first) : x.values, Int32(x.stride),
        splitsRows ? w.values : w.dropping(columns: first), Int32(w.stride), accumulate ? 1 : 0,
        y + (splitsRows ? first * yStride : first), Int32(yStride))
    }
  }
}
