internal import CKernels

/// The trits of one BitLinear in the layout of the integer product, packed once per step.
///
/// Layout: CKernels/include/ternary_kernels.h, one byte a weight, the same on every CPU.
package final class TernaryWeights {
  /// Outputs.
  package let rows: Int
  /// Inputs.
  package let columns: Int
  /// Δ = max(mean|w|, 1e-5); a weight is about Δ · trit.
  package private(set) var scale: Float = 1
  private let storage: UnsafeMutablePointer<UInt8>
  private let owned: AlignedBuffer<UInt8>?

  var packed: UnsafePointer<UInt8> { UnsafePointer(storage) }

  /// Bytes that a matrix of this shape takes here.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    (rows + 63) / 64 * 64 * ((columns + 3) / 4 * 4)
  }

  /// A matrix `[rows, columns]` whose trits are not set yet.
  ///
  /// - Parameter memory: `byteCount(rows:columns:)` bytes, aligned to 64, for as long as this object
  ///   lives; nil: memory of its own.
  package init(rows: Int, columns: Int, memory: UnsafeMutablePointer<UInt8>? = nil) {
    precondition(rows > 0 && columns > 0 && columns < 1 << 22, "shape [\(rows), \(columns)]")
    self.rows = rows
    self.columns = columns
    let bytes = Self.byteCount(rows: rows, columns: columns)
    owned = memory == nil ? AlignedBuffer(count: bytes) : nil
    guard let storage = memory ?? owned?.pointer else {
      preconditionFailure("one of the two is there")
    }
    self.storage = storage
  }

  /// Rounds latent weights to trits times one scale (absmean, RECIPE §2; BitNet b1.58,
  /// arXiv:2402.17764). The same bits for every thread count and instruction set.
  ///
  /// - Parameters:
  ///   - weights: `[rows, columns]`; a NaN makes the scale NaN.
  ///   - magnitudes: their `sumOfMagnitudes`, where it is known.
  package func quantize(
    from weights: UnsafePointer<Float>, magnitudes: Double? = nil, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) {
    let count = rows * columns
    let sum =
      magnitudes
      ?? sumOfMagnitudes(weights, count: count, team: team, instructionSet: instructionSet)
    let mean = Float(sum / Double(count))
    scale = mean < 1e-5 ? 1e-5 : mean
    let kernel = instructionSet.choose(
      ternary_quantize_reference, ternary_quantize_avx2, ternary_quantize_avx512)
    team.parallelRows(rows, grain: 64) { range in
      kernel(weights, columns, range.lowerBound, range.upperBound, scale, storage)
    }
  }

  /// Writes the trits, -1, 0 or 1, in plain order: `[rows, columns]`.
  package func copyTrits(into trits: UnsafeMutablePointer<Int8>) {
    for row in 0..<rows {
      ternary_unpack_row(packed, columns, row, trits + row * columns)
    }
  }
}

/// The forward product of BitLinear: exact in int32, one scale at the end.
///
/// y[i, o] = Float(Σ code[i, k] · trit[o, k]) · (Δ / s[i]). Every instruction set gives the same bits.
///
/// - Parameter codes: `[m, weights.columns]`, and their scales `[m]`.
/// - Parameter y: `[m, weights.rows]`, written.
package func ternaryProduct(
  codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>, weights: TernaryWeights,
  into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
  instructionSet: InstructionSet = .active
) {
  let kernel = instructionSet.choose(
    ternary_product_reference, ternary_product_avx2, ternary_product_avx512)
  let (rows, columns) = (weights.rows, weights.columns)
  let panels = (rows + 63) / 64
  // By panels every thread reads its own weights; by tokens the parts are more even.
  let threads = team.threadCount
  if panels % threads == 0 || panels >= 16 * threads || m < 16 * threads {
    team.parallelRows(panels) { range in
      kernel(
        codes, scales, m, columns, weights.packed, weights.scale, rows, range.lowerBound,
        range.upperBound, y, rows)
    }
  } else {
    team.parallelRows(m, grain: 6) { range in
      let first = range.lowerBound
      kernel(
        codes + first * columns, scales + first, range.count, columns, weights.packed,
        weights.scale, rows, 0, panels, y + first * rows, rows)
    }
  }
}
