// What a product is made of, how it is split over the team, and which kernel runs it.

internal import CKernels

/// One product y = scale · left · right, `[m, k] · [k, n]`.
struct Product {
  enum Left {
    /// `[m, k]`
    case rows(UnsafePointer<Float>, stride: Int)
    /// `[k, m]`; row k is divided by `divisors[k]` when there are any.
    case columns(UnsafePointer<Float>, stride: Int, divisors: UnsafePointer<Float>? = nil)
  }

  enum Right {
    /// `[k, n]`
    case rows(UnsafePointer<Float>, stride: Int)
    /// `[n, k]`
    case columns(UnsafePointer<Float>, stride: Int)
    /// `[n, k]`
    case bf16(UnsafePointer<UInt16>, stride: Int)
    /// `[k, n]`
    case codes(UnsafePointer<Int8>, stride: Int)
    /// `[k, n]`
    case trits(TernaryWeights)

    var hasIntegers: Bool {
      switch self {
      case .codes, .trits: true
      case .rows, .columns, .bf16: false
      }
    }
  }

  var left: Left
  var right: Right
  var y: UnsafeMutablePointer<Float>
  var yStride: Int
  var m: Int
  var n: Int
  var k: Int
  var accumulate: Bool
  var scale: Float = 1
  var rounding = ProductRounding.nearest
  /// Room for what the squares of y are added up from, `[squareSumCount(m:n:)]`.
  var squareSums: UnsafeMutablePointer<Double>?

  /// - Returns: the sum of the squares of y when there is room for it, the same bits for every thread
  ///   count.
  @discardableResult
  func run(
    _ precision: ProductPrecision, team: ComputeTeam, instructionSet: InstructionSet
  ) -> Double? {
    guard m > 0, n > 0 else { return squareSums.map { _ in 0 } }
    multiply(precision, team: team, instructionSet: instructionSet)
    guard let squareSums else { return nil }
    if instructionSet == .avx512 {
      var sums = SIMD8<Double>.zero
      squareSums.withMemoryRebound(to: SIMD8<Double>.self, capacity: squareSumRows) {
        for row in 0..<squareSumRows { sums += $0[row] }
      }
      // Four of them are added in fp32, where squares of large numbers are not finite.
      if sums.sum().isFinite { return sums.sum() }
    }
    return (0..<m).reduce(0) {
      squaredNorm(
        y + $1 * yStride, count: n, after: $0, team: team, instructionSet: instructionSet)
    }
  }

  private var squareSumRows: Int { isSplitByRows ? m : (n - 1) / PRODUCT_PANEL_COLUMNS + 1 }

  private func multiply(
    _ precision: ProductPrecision, team: ComputeTeam, instructionSet: InstructionSet
  ) {
    switch (instructionSet, precision) {
    case (.avx512, .fp32):
      runPacked(product_pack_fp32_avx512, product_fp32_avx512, depth: 1, team: team)
    case (.avx512, .bf16):
      runPacked(product_pack_bf16_avx512, product_bf16_avx512, depth: 2, team: team)
    case (.avx512, .int16) where right.hasIntegers:
      runPacked(product_pack_int16_avx512, product_int16_avx512, depth: 2, team: team)
    case (.avx512, .int16):
      runPacked(
        product_pack_int16_floats_avx512, product_int16_floats_avx512, depth: 2, team: team)
    case (.scalar, .int16), (.avx2, .int16):
      portable(.fp32, team: team).runInIntegers(
        rightIsIntegers: right.hasIntegers, team: team)
    case (.scalar, let precision), (.avx2, let precision):
      portable(precision, team: team).runOnOpenBLAS(team: team)
    }
  }

  private typealias Pack =
    @convention(c) (
      UnsafePointer<product_operands>?, product_block, Int, Int, UnsafeMutableRawPointer?
    ) -> Void
  private typealias Multiply =
    @convention(c) (
      UnsafePointer<product_operands>?, product_block, UnsafeRawPointer?, Int, Int,
      UnsafeMutableRawPointer?
    ) -> Void

  // The longer side of y is split, so that the shared operand is the smaller one.
  private var isSplitByRows: Bool { m > n }

  private func runPacked(
    _ pack: Pack, _ multiply: Multiply, depth wordDepth: Int, team: ComputeTeam
  ) {
    let byRows = isSplitByRows
    squareSums?.update(repeating: 0, count: squareSumRows * PRODUCT_SQUARE_LANES)
    let (sharedSide, splitSide) = byRows ? (n, m) : (m, n)
    let (sharedGrain, splitGrain) =
      byRows ? (PRODUCT_PANEL_COLUMNS, PRODUCT_TILE_ROWS) : (1, PRODUCT_PANEL_COLUMNS)
    var operands = operands
    operands.split = byRows ? PRODUCT_SPLIT_ROWS : PRODUCT_SPLIT_COLUMNS
    let blockDepth = PRODUCT_BLOCK_WORDS * wordDepth
    withUnsafePointer(to: operands) { operands in
      team.parallel(
        scratchBytes: PRODUCT_SCRATCH_BYTES, sharedBytes: 2 * PRODUCT_SHARED_BYTES
      ) { worker in
        let part = worker.part(of: splitSide, grain: splitGrain)
        // Two buffers in turn, so that one wait a block is enough.
        var (shared, other) = (worker.shared, worker.shared + PRODUCT_SHARED_BYTES)
        for first in stride(from: 0, to: sharedSide, by: PRODUCT_SHARED_COUNT) {
          for firstK in stride(from: 0, to: max(1, k), by: blockDepth) {
            let block = product_block(
              first_k: firstK, depth: min(blockDepth, k - firstK), first: first,
              count: min(PRODUCT_SHARED_COUNT, sharedSide - first))
            let packed = worker.part(of: block.count, grain: sharedGrain)
            pack(operands, block, packed.lowerBound, packed.upperBound, shared)
            worker.waitForAll()
            multiply(operands, block, shared, part.lowerBound, part.upperBound, worker.scratch)
            swap(&shared, &other)
          }
        }
      }
    }
  }

  private var operands: product_operands {
    var result = product_operands()
    switch left {
    case .rows(let values, let stride):
      (result.left_kind, result.left, result.left_stride) = (PRODUCT_LEFT_ROWS, values, stride)
    case .columns(let values, let stride, let divisors):
      (result.left_kind, result.left, result.left_stride) = (PRODUCT_LEFT_COLUMNS, values, stride)
      result.left_divisors = divisors
    }
    switch right {
    case .rows(let values, let stride):
      (result.right_kind, result.right_stride) = (PRODUCT_RIGHT_ROWS, stride)
      result.right = UnsafeRawPointer(values)
    case .columns(let values, let stride):
      (result.right_kind, result.right_stride) = (PRODUCT_RIGHT_COLUMNS, stride)
      result.right = UnsafeRawPointer(values)
    case .bf16(let values, let stride):
      (result.right_kind, result.right_stride) = (PRODUCT_RIGHT_BF16, stride)
      result.right = UnsafeRawPointer(values)
    case .codes(let values, let stride):
      (result.right_kind, result.right_stride) = (PRODUCT_RIGHT_CODES, stride)
      result.right = UnsafeRawPointer(values)
    case .trits(let weights):
      (result.right_kind, result.right_stride) = (PRODUCT_RIGHT_TRITS, weights.columns)
      result.right = UnsafeRawPointer(weights.packed)
    }
    if case .unbiased(let firstRow) = rounding {
      result.left_is_dithered = 1
      result.left_first_row = UInt32(truncatingIfNeeded: firstRow)
    }
    result.k = k
    (result.y, result.y_stride) = (y, yStride)
    result.accumulate = accumulate ? 1 : 0
    result.scale = scale
    result.square_sums = squareSums
    return result
  }
}
