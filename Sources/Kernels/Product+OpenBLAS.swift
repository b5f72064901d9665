// Products on CPUs without AVX-512: the operands are written out as floats, rounded when bf16 is
// asked for, and OpenBLAS multiplies them. Products in int16, which only a setting asks for
// there, are the plain loops that the fast ones are held to.

internal import CKernels
internal import COpenBLAS

extension Product {
  /// A product of plain floats, and what keeps them alive.
  struct Portable {
    var product: Product
    var keep: [AlignedBuffer<Float>]
  }

  /// The same product with operands that OpenBLAS can read.
  func portable(_ precision: ProductPrecision, team: ComputeTeam) -> Portable {
    var result = Portable(product: self, keep: [])
    let rounds = precision == .bf16
    /// A copy of `[rows, columns]` floats, whose rows `fill` writes.
    func copy(
      _ rows: Int, _ columns: Int, _ fill: (Int, UnsafeMutablePointer<Float>) -> Void
    ) -> UnsafePointer<Float> {
      let copy = AlignedBuffer<Float>(count: rows * columns)
      result.keep.append(copy)
      team.parallelRows(rows) { for row in $0 { fill(row, copy.pointer + row * columns) } }
      return UnsafePointer(copy.pointer)
    }
    switch left {
    case .rows(let values, let stride):
      guard rounds else { break }
      let rounded = copy(m, k) { round_to_bf16(values + $0 * stride, k, $1) }
      result.product.left = .rows(rounded, stride: k)
    case .columns(let values, let stride, let divisors):
      guard rounds || divisors != nil else { break }
      let scaled = copy(k, m) { row, to in
        scale_floats(values + row * stride, m, divisors.map { 1 / $0[row] } ?? 1, to)
        if rounds { round_to_bf16(to, m, to) }
      }
      result.product.left = .columns(scaled, stride: m)
    }
    switch right {
    case .rows(let values, let stride):
      guard rounds else { break }
      let rounded = copy(k, n) { round_to_bf16(values + $0 * stride, n, $1) }
      result.product.right = .rows(rounded, stride: n)
    case .columns(let values, let stride):
      guard rounds else { break }
      let rounded = copy(n, k) { round_to_bf16(values + $0 * stride, k, $1) }
      result.product.right = .columns(rounded, stride: k)
    case .bf16(let values, let stride):
      let widened = copy(n, k) { bf16_to_floats(values + $0 * stride, k, $1) }
      result.product.right = .columns(widened, stride: k)
    case .codes(let values, let stride):
      let widened = copy(k, n) { widen_codes(values + $0 * stride, n, $1) }
      result.product.right = .rows(widened, stride: n)
    case .trits(let weights):
      let widened = copy(k, n) { ternary_unpack_row_to_floats(weights.packed, n, $0, $1) }
      result.product.right = .rows(widened, stride: n)
    }
    return result
  }
}

// OpenBLAS must not start threads of its own: the team is the one way to go parallel.
private let oneThread: Void = openblas_set_num_threads(1)

extension Product.Portable {
  // OpenBLAS picks kernels by shape: blocks of a fixed size give bits that no thread count changes.
  func runOnOpenBLAS(team: ComputeTeam) {
    _ = oneThread
    let (m, n) = (product.m, product.n)
    let size = max(m, n)
    let block = max(64, (size + 15) / 16 + 63 & ~63)
    team.parallelRows((size + block - 1) / block) { blocks in
      for index in blocks {
        let range = index * block..<min(size, (index + 1) * block)
        if m >= n {
          multiply(rows: range, columns: 0..<n)
        } else {
          multiply(rows: 0..<m, columns: range)
        }
      }
    }
    withExtendedLifetime(keep) {}
  }

  /// - Parameter rightIsIntegers: the floats of right are codes or trits.
  func runInIntegers(rightIsIntegers: Bool, team: ComputeTeam) {
    var first = product_int16_row()
    first.right_is_integers = rightIsIntegers ? 1 : 0
    let toRow: Int
    switch product.left {
    case .rows(let values, let stride):
      (first.left, first.left_to_k, toRow) = (values, 1, stride)
    case .columns(let values, let stride, _):
      (first.left, first.left_to_k, toRow) = (values, stride, 1)
    }
    switch product.right {
    case .rows(let values, let stride):
      (first.right, first.right_to_k, first.right_to_n) = (values, stride, 1)
    case .columns(let values, let stride):
      (first.right, first.right_to_k, first.right_to_n) = (values, 1, stride)
    case .bf16, .codes, .trits:
      preconditionFailure("only floats are left")
    }
    var firstRow = 0
    if case .unbiased(let place) = product.rounding {
      first.left_is_dithered = 1
      firstRow = place
    }
    team.parallelRows(product.m) { [first, firstRow] rows in
      for index in rows {
        var row = first
        row.left += index * toRow
        row.place = UInt32(truncatingIfNeeded: firstRow + index)
        product_int16_row_reference(
          row, product.n, product.k, product.scale, product.accumulate ? 1 : 0,
          product.y + index * product.yStride)
      }
    }
    withExtendedLifetime(keep) {}
  }

  private func multiply(rows: Range<Int>, columns: Range<Int>) {
    let left =
      switch product.left {
      case .rows(let values, let stride):
        (CblasNoTrans, values + rows.lowerBound * stride, stride)
      case .columns(let values, let stride, _):
        (CblasTrans, values + rows.lowerBound, stride)
      }
    let right =
      switch product.right {
      case .rows(let values, let stride):
        (CblasNoTrans, values + columns.lowerBound, stride)
      case .columns(let values, let stride):
        (CblasTrans, values + columns.lowerBound * stride, stride)
      case .bf16, .codes, .trits:
        preconditionFailure("only floats are left")
      }
    cblas_sgemm(
      CblasRowMajor, left.0, right.0, Int32(rows.count), Int32(columns.count), Int32(product.k),
      product.scale, left.1, Int32(left.2), right.1, Int32(right.2), product.accumulate ? 1 : 0,
      product.y + rows.lowerBound * product.yStride + columns.lowerBound, Int32(product.yStride))
  }
}
