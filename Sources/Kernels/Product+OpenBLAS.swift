// Products on CPUs without AVX-512: the operands are written out as floats, rounded when bf16 is
// asked for, and OpenBLAS multiplies them.

internal import CKernels
internal import COpenBLAS

extension Product {
  /// A product of plain floats, and what keeps them alive.
  struct Portable {
    var product: Product
    var keep: [AlignedBuffer<Float>]
  }

  /// The same product with operands that OpenBLAS can read.
  func portable(_ precision: ProductPrecision) -> Portable {
    var result = Portable(product: self, keep: [])
    switch left {
    case .rows(let values, let stride):
      guard precision == .bf16 else { break }
      let copy = AlignedBuffer<Float>(count: m * k)
      for row in 0..<m { round_to_bf16(values + row * stride, k, copy.pointer + row * k) }
      result.product.left = .rows(copy.pointer, stride: k)
      result.keep.append(copy)
    case .columns(let values, let stride, let divisors):
      guard precision == .bf16 || divisors != nil else { break }
      let copy = AlignedBuffer<Float>(count: m * k)
      for row in 0..<k {
        let to = copy.pointer + row * m
        scale_floats(values + row * stride, m, divisors.map { 1 / $0[row] } ?? 1, to)
        if precision == .bf16 { round_to_bf16(to, m, to) }
      }
      result.product.left = .columns(copy.pointer, stride: m)
      result.keep.append(copy)
    }
    switch right {
    case .rows(let values, let stride):
      guard precision == .bf16 else { break }
      let copy = AlignedBuffer<Float>(count: k * n)
      for row in 0..<k { round_to_bf16(values + row * stride, n, copy.pointer + row * n) }
      result.product.right = .rows(copy.pointer, stride: n)
      result.keep.append(copy)
    case .columns(let values, let stride):
      guard precision == .bf16 else { break }
      let copy = AlignedBuffer<Float>(count: n * k)
      for row in 0..<n { round_to_bf16(values + row * stride, k, copy.pointer + row * k) }
      result.product.right = .columns(copy.pointer, stride: k)
      result.keep.append(copy)
    case .bf16(let values, let stride):
      let copy = AlignedBuffer<Float>(count: n * k)
      for row in 0..<n { bf16_to_floats(values + row * stride, k, copy.pointer + row * k) }
      result.product.right = .columns(copy.pointer, stride: k)
      result.keep.append(copy)
    case .codes(let values, let stride):
      let copy = AlignedBuffer<Float>(count: k * n)
      for row in 0..<k { widen_codes(values + row * stride, n, copy.pointer + row * n) }
      result.product.right = .rows(copy.pointer, stride: n)
      result.keep.append(copy)
    case .trits(let weights):
      let trits = AlignedBuffer<Int8>(count: k * n)
      weights.copyTrits(into: trits.pointer)
      let copy = AlignedBuffer<Float>(count: k * n)
      widen_codes(trits.pointer, k * n, copy.pointer)
      result.product.right = .rows(copy.pointer, stride: n)
      result.keep.append(copy)
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
