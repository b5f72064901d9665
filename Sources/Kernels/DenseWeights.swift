internal import CKernels

/// A matrix in full precision for inference: a projection of a teacher, an embedding or a head.
package final class DenseWeights {
  /// How a weight is stored. Products are in fp32 either way: only the weights are rounded.
  package enum Storage: String, Codable, CaseIterable, Sendable {
    case fp32
    case bf16

    /// Bytes of one weight.
    package var width: Int { self == .fp32 ? 4 : 2 }
  }

  private enum Values {
    case fp32(AlignedBuffer<Float>)
    case bf16(AlignedBuffer<UInt16>)
  }

  /// Outputs, or tokens of an embedding.
  package let rows: Int
  /// Inputs.
  package let columns: Int
  private let values: Values

  // With fewer tokens the weights' bytes are the limit, and packing would read them twice.
  private static let fewTokens = 16

  /// Bytes of the weights.
  package var byteCount: Int {
    switch values {
    case .fp32(let buffer): buffer.count * 4
    case .bf16(let buffer): buffer.count * 2
    }
  }

  /// A copy of `[rows, columns]` weights, rounded to even when `storage` is bf16.
  package init(
    _ weights: UnsafePointer<Float>, rows: Int, columns: Int, storage: Storage
  ) {
    self.rows = rows
    self.columns = columns
    switch storage {
    case .fp32:
      let buffer = AlignedBuffer<Float>(count: rows * columns)
      buffer.pointer.update(from: weights, count: rows * columns)
      values = .fp32(buffer)
    case .bf16:
      let buffer = AlignedBuffer<UInt16>(count: rows * columns)
      floats_to_bf16(weights, rows * columns, buffer.pointer)
      values = .bf16(buffer)
    }
  }

  /// Random weights, about normal, straight in bf16.
  package init(
    randomRows rows: Int, columns: Int, deviation: Float, seed: UInt64, team: ComputeTeam
  ) {
    self.rows = rows
    self.columns = columns
    let buffer = AlignedBuffer<UInt16>(count: rows * columns)
    team.parallelRows(rows * columns, grain: 4096) { range in
      random_bf16(
        buffer.pointer + range.lowerBound, UInt64(range.lowerBound), range.count, deviation, seed)
    }
    values = .bf16(buffer)
  }

  /// One row as floats: `[columns]`.
  package func copyRow(_ row: Int, into floats: UnsafeMutablePointer<Float>) {
    precondition(row >= 0 && row < rows, "row \(row) is outside 0 ..< \(rows)")
    switch values {
    case .fp32(let buffer):
      floats.update(from: buffer.pointer + row * columns, count: columns)
    case .bf16(let buffer):
      bf16_to_floats(buffer.pointer + row * columns, columns, floats)
    }
  }

  /// y = x · wᵀ in fp32.
  ///
  /// - Parameter x: `[m, columns]`. - Parameter y: `[m, rows]`, written.
  package func product(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, m: Int, team: ComputeTeam,
    instructionSet: InstructionSet = .active
  ) {
    if m <= Self.fewTokens {
      productOfFewTokens(x, into: y, m: m, team: team, instructionSet: instructionSet)
      return
    }
    let right: Product.Right =
      switch values {
      case .fp32(let buffer): .columns(buffer.pointer, stride: columns)
      case .bf16(let buffer): .bf16(buffer.pointer, stride: columns)
      }
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
    team.parallelRows(rows, grain: 4) { range in
      switch values {
      case .fp32(let buffer):
        table.dense_rows_fp32(
          x, m, columns, buffer.pointer, range.lowerBound, range.upperBound, y, rows)
      case .bf16(let buffer):
        table.dense_rows_bf16(
          x, m, columns, buffer.pointer, range.lowerBound, range.upperBound, y, rows)
      }
    }
  }
}
