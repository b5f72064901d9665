internal import CKernels

/// The trits of one matrix at 1.6 bits a weight, for inference.
///
/// Layout: CKernels/include/packed_kernels.h, the same on every CPU.
package final class PackedTernary {
  /// Outputs.
  package let rows: Int
  /// Inputs.
  package let columns: Int
  /// Δ; a weight is Δ · trit.
  package let scale: Float
  /// Aligned to 64 bytes.
  package let bytes: WeightBytes

  /// Sums are exact below so many columns.
  package static let columnLimit = 1 << 17

  private static let panel = Int(PACKED_PANEL_ROWS)

  /// Bytes that a matrix of this shape takes: five weights a byte, rows padded to 80.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    (rows + panel - 1) / panel * ((columns + 3) / 4) * Int(PACKED_GROUP_BYTES)
  }

  /// Bytes of the packed weights.
  package var byteCount: Int { bytes.count }

  /// Weights that are there already. Numbers that no packing makes give sums that mean nothing, and
  /// do no harm.
  package init(_ bytes: WeightBytes, rows: Int, columns: Int, scale: Float) {
    precondition(
      rows > 0 && columns > 0 && columns < Self.columnLimit, "shape [\(rows), \(columns)]")
    precondition(
      bytes.count == Self.byteCount(rows: rows, columns: columns)
        && UInt(bitPattern: bytes.pointer) % 64 == 0, "packed weights are whole and aligned")
    self.rows = rows
    self.columns = columns
    self.scale = scale
    self.bytes = bytes
  }

  /// The same trits and scale as training's.
  package convenience init(_ weights: TernaryWeights) {
    let (rows, columns) = (weights.rows, weights.columns)
    let buffer = AlignedBuffer<UInt8>(count: Self.byteCount(rows: rows, columns: columns))
    packed_from_ternary(weights.packed, rows, columns, buffer.pointer)
    self.init(WeightBytes(buffer), rows: rows, columns: columns, scale: weights.scale)
  }

  /// Rounds latent weights, `[rows, columns]`, as `TernaryWeights.quantize` does.
  package convenience init(
    quantizing weights: UnsafePointer<Float>, rows: Int, columns: Int, team: ComputeTeam
  ) {
    let trits = TernaryWeights(rows: rows, columns: columns)
    trits.quantize(from: weights, team: team)
    self.init(trits)
  }

  /// Random trits, a third each of -1, 0 and 1, straight in packed form.
  ///
  /// - Parameter scale: Δ.
  package convenience init(
    randomRows rows: Int, columns: Int, scale: Float, seed: UInt64, team: ComputeTeam
  ) {
    let buffer = AlignedBuffer<UInt8>(count: Self.byteCount(rows: rows, columns: columns))
    buffer.pointer.withMemoryRebound(to: UInt64.self, capacity: buffer.count / 8) { words in
      team.parallelRows(buffer.count / 8, grain: 4096) { range in
        packed_random(words + range.lowerBound, UInt64(range.lowerBound), range.count, seed)
      }
    }
    self.init(WeightBytes(buffer), rows: rows, columns: columns, scale: scale)
  }

  /// Writes the trits, -1, 0 or 1, in plain order: `[rows, columns]`.
  package func copyTrits(into trits: UnsafeMutablePointer<Int8>) {
    for row in 0..<rows { packed_unpack_row(bytes.pointer, columns, row, trits + row * columns) }
  }

  /// y[i, o] = Float(Σ code[i, k] · trit[o, k]) · (Δ / s[i]): the same bits as `ternaryProduct`.
  ///
  /// - Parameter codes: `[m, columns]`, and their scales `[m]`.
  /// - Parameter y: `[m, rows]`, written.
  package func product(
    codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) {
    Self.products(
      [(self, y)], codes: codes, scales: scales, m: m, team: team, instructionSet: instructionSet)
  }

  /// Several products of the same codes at once, so that threads meet once for all of them.
  ///
  /// - Parameter targets: matrices of the same number of columns, and where each product goes.
  package static func products(
    _ targets: [(weights: PackedTernary, y: UnsafeMutablePointer<Float>)],
    codes: UnsafePointer<Int8>, scales: UnsafePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) {
    let kernel = instructionSet.choose(
      packed_product_reference, packed_product_avx2, packed_product_avx512)
    team.parallelRows(targets.reduce(0) { $0 + $1.weights.panelCount }) { panels in
      var before = 0
      for (weights, y) in targets {
        let own = panels.clamped(to: before..<before + weights.panelCount)
        if !own.isEmpty {
          kernel(
            codes, scales, m, weights.columns, weights.bytes.pointer, weights.scale, weights.rows,
            own.lowerBound - before, own.upperBound - before, y)
        }
        before += weights.panelCount
      }
    }
  }

  private var panelCount: Int { (rows + Self.panel - 1) / Self.panel }
}
