internal import CKernels

/// The trits of one matrix at two bits a weight, for inference.
///
/// Layout: CKernels/include/packed_kernels.h, the same on every CPU.
package final class PackedTernary {
  /// Outputs.
  package let rows: Int
  /// Inputs.
  package let columns: Int
  /// Δ; a weight is Δ · trit.
  package let scale: Float
  private let storage: AlignedBuffer<UInt8>

  /// Bytes that a matrix of this shape takes: two bits a weight, rows padded to 64.
  package static func byteCount(rows: Int, columns: Int) -> Int {
    (rows + 63) / 64 * ((columns + 3) / 4) * 64
  }

  /// Bytes of the packed weights.
  package var byteCount: Int { storage.count }

  private init(rows: Int, columns: Int, scale: Float) {
    precondition(rows > 0 && columns > 0 && columns < 1 << 17, "shape [\(rows), \(columns)]")
    self.rows = rows
    self.columns = columns
    self.scale = scale
    storage = AlignedBuffer(count: Self.byteCount(rows: rows, columns: columns))
  }

  /// The same trits and scale as training's.
  package convenience init(_ weights: TernaryWeights) {
    self.init(rows: weights.rows, columns: weights.columns, scale: weights.scale)
    packed_from_panels(weights.packed, storage.count / 64, storage.pointer)
  }

  /// Rounds latent weights, `[rows, columns]`, as `TernaryWeights.quantize` does.
  package convenience init(
    quantizing weights: UnsafePointer<Float>, rows: Int, columns: Int, team: ComputeTeam
  ) {
    let trits = TernaryWeights(rows: rows, columns: columns)
    trits.quantize(from: weights, team: team)
    self.init(trits)
  }

  /// Random trits, a quarter each of -1 and 1, straight in packed form.
  ///
  /// - Parameter scale: Δ.
  package convenience init(
    randomRows rows: Int, columns: Int, scale: Float, seed: UInt64, team: ComputeTeam
  ) {
    self.init(rows: rows, columns: columns, scale: scale)
    storage.pointer.withMemoryRebound(to: UInt64.self, capacity: storage.count / 8) { words in
      team.parallelRows(storage.count / 8, grain: 4096) { range in
        packed_random(words + range.lowerBound, UInt64(range.lowerBound), range.count, seed)
      }
    }
  }

  /// Writes the trits, -1, 0 or 1, in plain order: `[rows, columns]`.
  package func copyTrits(into trits: UnsafeMutablePointer<Int8>) {
    let groups = (columns + 3) / 4
    let panels = AlignedBuffer<UInt8>(count: storage.count * 4)
    packed_to_panels(storage.pointer, (rows + 63) / 64 * groups, panels.pointer)
    for row in 0..<rows {
      ternary_unpack_row(panels.pointer, columns, row, trits + row * columns)
    }
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
    let kernel = instructionSet.choose(
      packed_product_reference, packed_product_avx2, packed_product_avx512)
    let scratchBytes = packed_product_scratch(columns)
    team.parallelRows((rows + 63) / 64, scratchBytes: scratchBytes) { panels, scratch in
      kernel(
        codes, scales, m, columns, storage.pointer, scale, rows, panels.lowerBound,
        panels.upperBound, y, scratch.bindMemory(to: UInt8.self, capacity: scratchBytes))
    }
  }
}
