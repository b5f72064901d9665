internal import CKernels

/// A matrix that is not ternary, for inference: an embedding, a head, a projection of a teacher.
package final class DenseWeights {
  /// How a weight is stored. Only the weights are rounded: products are in fp32, or exact sums of
  /// integers with activations of 16 bits, which is as good.
  package enum Storage: String, Codable, CaseIterable, Sendable {
    case fp32
    case bf16
    /// Eight bits, one scale a row.
    case int8
    /// Four bits, one scale for 32 weights of a row.
    case int4

    /// Sums of integers are exact below so many columns.
    package var columnLimit: Int {
      switch self {
      case .fp32, .bf16: .max
      case .int8, .int4: Int(PACKED_ROWS_COLUMNS_MAX)
      }
    }

    /// Bytes that a matrix of this shape takes.
    package func byteCount(rows: Int, columns: Int) -> Int {
      let panels = (rows + Int(PACKED_ROWS_PANEL) - 1) / Int(PACKED_ROWS_PANEL)
      return switch self {
      case .fp32: rows * columns * 4
      case .bf16: rows * columns * 2
      case .int8: panels * packed_rows_int8_panel_bytes(columns)
      case .int4: panels * packed_rows_int4_panel_bytes(columns)
      }
    }
  }

  /// Outputs, or tokens of an embedding.
  package let rows: Int
  /// Inputs.
  package let columns: Int
  package let storage: Storage
  /// fp32 and bf16: `[rows, columns]`. int8 and int4: CKernels/include/packed_rows.h.
  package let bytes: WeightBytes

  // With fewer tokens the weights' bytes are the limit, and packing would read them twice.
  private static let fewTokens = 16
  private static let panel = Int(PACKED_ROWS_PANEL)

  /// Bytes of the weights.
  package var byteCount: Int { bytes.count }

  /// Weights that are there already, in the layout of `storage`.
  package init(_ bytes: WeightBytes, rows: Int, columns: Int, storage: Storage) {
    precondition(
      bytes.count == storage.byteCount(rows: rows, columns: columns)
        && columns < storage.columnLimit, "shape [\(rows), \(columns)]")
    self.rows = rows
    self.columns = columns
    self.storage = storage
    self.bytes = bytes
  }

  /// A rounded copy of `[rows, columns]` weights; bf16 rounds ties to even.
  package convenience init(
    _ weights: UnsafePointer<Float>, rows: Int, columns: Int, storage: Storage,
    team: ComputeTeam = .shared
  ) {
    self.init(rows: rows, columns: columns, storage: storage, team: team) { range, into in
      into.update(from: weights + range.lowerBound * columns, count: range.count * columns)
    }
  }

  /// Random weights, about normal, straight in the form that is stored.
  package convenience init(
    randomRows rows: Int, columns: Int, deviation: Float, seed: UInt64, storage: Storage = .bf16,
    team: ComputeTeam
  ) {
    self.init(rows: rows, columns: columns, storage: storage, team: team) { range, into in
      let (first, count) = (range.lowerBound * columns, range.count * columns)
      withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count) { rounded in
        random_bf16(rounded.baseAddress, UInt64(first), count, deviation, seed)
        bf16_to_floats(rounded.baseAddress, count, into)
      }
    }
  }

  /// Rounds rows as `fill` writes them, a panel at a time, so that the floats never exist together.
  ///
  /// - Parameter fill: writes a range of rows, `[range.count, columns]`; ranges run in parallel.
  package convenience init(
    rows: Int, columns: Int, storage: Storage, team: ComputeTeam,
    fill: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let buffer = AlignedBuffer<UInt8>(count: storage.byteCount(rows: rows, columns: columns))
    let panelBytes = storage.byteCount(rows: min(rows, Self.panel), columns: columns)
    let scratchBytes = Self.panel * columns * 4
    team.parallelRows((rows + Self.panel - 1) / Self.panel, scratchBytes: scratchBytes) {
      panels, scratch in
      let floats = scratch.bindMemory(to: Float.self, capacity: Self.panel * columns)
      for panel in panels {
        let range = panel * Self.panel..<min(rows, (panel + 1) * Self.panel)
        fill(range, floats)
        let target = buffer.pointer + panel * panelBytes
        let count = range.count * columns
        switch storage {
        case .fp32: UnsafeMutableRawPointer(target).copyMemory(from: floats, byteCount: count * 4)
        case .bf16:
          target.withMemoryRebound(to: UInt16.self, capacity: count) {
            floats_to_bf16(floats, count, $0)
          }
        case .int8: packed_rows_int8_pack(floats, columns, range.count, target)
        case .int4: packed_rows_int4_pack(floats, columns, range.count, target)
        }
      }
    }
    self.init(WeightBytes(buffer), rows: rows, columns: columns, storage: storage)
  }

  private var floats: UnsafePointer<Float> {
    UnsafeRawPointer(bytes.pointer).assumingMemoryBound(to: Float.self)
  }
  private var halves: UnsafePointer<UInt16> {
    UnsafeRawPointer(bytes.pointer).assumingMemoryBound(to: UInt16.self)
  }

  /// One row as floats: `[columns]`.
  package func copyRow(_ row: Int, into target: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rows, "row \(row) is outside 0 ..< \(rows)")
    let (panel, line) = (row / Self.panel, row % Self.panel)
    switch storage {
    case .fp32:
      target.update(from: floats + row * columns, count: columns)
    case .bf16:
      bf16_to_floats(halves + row * columns, columns, target)
    case .int8:
      packed_rows_int8_unpack(
        bytes.pointer + panel * packed_rows_int8_panel_bytes(columns), columns, line, target)
    case .int4:
      packed_rows_int4_unpack(
        bytes.pointer + panel * packed_rows_int4_panel_bytes(columns), columns, line, target)
    }
  }

  /// y = x · wᵀ.
  ///
  /// - Parameter x: `[m, columns]`. - Parameter y: `[m, rows]`, written.
  package func product(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) {
    let isFew = m <= Self.fewTokens
    switch storage {
    case .fp32 where !isFew:
      wideProduct(
        x, .columns(floats, stride: columns), into: y, m: m, team: team,
        instructionSet: instructionSet)
    case .bf16 where !isFew:
      wideProduct(
        x, .bf16(halves, stride: columns), into: y, m: m, team: team,
        instructionSet: instructionSet)
    case .fp32, .bf16:
      productOfFewTokens(x, into: y, m: m, team: team, instructionSet: instructionSet)
    case .int8, .int4:
      integerProduct(x, into: y, m: m, team: team, instructionSet: instructionSet)
    }
  }

  private func wideProduct(
    _ x: UnsafePointer<Float>, _ right: Product.Right, into y: UnsafeMutablePointer<Float>, m: Int,
    team: ComputeTeam, instructionSet: InstructionSet
  ) {
    Product(
      left: .rows(x, stride: columns), right: right, y: y, yStride: rows, m: m, n: rows,
      k: columns, accumulate: false
    ).run(.fp32, team: team, instructionSet: instructionSet)
  }

  private func productOfFewTokens(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet
  ) {
    let table = inference_kernels(instructionSet.choose(0, 1, 2)).pointee
    let kernel = storage == .fp32 ? table.dense_rows_fp32 : table.dense_rows_bf16
    team.parallelRows(rows, grain: 4) { range in
      kernel?(x, m, columns, bytes.pointer, range.lowerBound, range.upperBound, y, rows)
    }
  }

  private func integerProduct(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet
  ) {
    let block = Int(PACKED_ROWS_BLOCK)
    let padded = (columns + block - 1) / block * block
    let planes = AlignedBuffer<Int8>(count: 2 * m * padded)
    let inverseScales = AlignedBuffer<Float>(count: m)
    let low = planes.pointer + m * padded
    team.parallelRows(m) { range in
      let first = range.lowerBound
      packed_rows_split(
        x + first * columns, range.count, columns, planes.pointer + first * padded,
        low + first * padded, inverseScales.pointer + first)
    }
    let operands = packed_rows_operands(
      high: planes.pointer, low: low, inverse_scales: inverseScales.pointer, m: m,
      columns: columns, packed: bytes.pointer, rows: rows, y: y)
    let kernel =
      storage == .int8
      ? instructionSet.choose(
        packed_rows_int8_reference, packed_rows_int8_avx2, packed_rows_int8_avx512)
      : instructionSet.choose(
        packed_rows_int4_reference, packed_rows_int4_avx2, packed_rows_int4_avx512)
    team.parallelRows((rows + Self.panel - 1) / Self.panel) { panels in
      withUnsafePointer(to: operands) { kernel($0, panels.lowerBound, panels.upperBound) }
    }
  }
}
