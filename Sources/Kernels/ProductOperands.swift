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

  func run(_ precision: ProductPrecision, team: ComputeTeam, instructionSet: InstructionSet) {
    guard m > 0, n > 0 else { return }
    switch instructionSet {
    case .scalar, .avx2:
      portable(precision).runOnOpenBLAS(team: team)
    case .avx512:
      runPacked(precision == .bf16 ? product_bf16_avx512 : product_fp32_avx512, team: team)
    }
  }

  // Every thread packs the whole of the operand that is not split, so the longer side of y is.
  private func runPacked(
    _ kernel: (UnsafePointer<product_operands>?, Int, Int, Int, Int, UnsafeMutableRawPointer?) ->
      Void,
    team: ComputeTeam
  ) {
    withUnsafePointer(to: operands) { operands in
      if m > n {
        team.parallelRows(m, grain: PRODUCT_TILE_ROWS, scratchBytes: PRODUCT_SCRATCH_BYTES) {
          kernel(operands, $0.lowerBound, $0.upperBound, 0, n, $1)
        }
      } else {
        team.parallelRows(
          n, grain: PRODUCT_PANEL_COLUMNS, scratchBytes: PRODUCT_SCRATCH_BYTES
        ) {
          kernel(operands, 0, m, $0.lowerBound, $0.upperBound, $1)
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
    result.k = k
    (result.y, result.y_stride) = (y, yStride)
    result.accumulate = accumulate ? 1 : 0
    result.scale = scale
    return result
  }
}
