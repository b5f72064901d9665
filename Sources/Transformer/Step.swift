internal import CKernels
internal import Kernels

/// What all operations of one step share: the batch's shape, how to compute, and who computes.
struct Step {
  /// B.
  let sequences: Int
  /// T, the padded length.
  let length: Int
  /// `[B]`, the real positions of each sequence.
  let lengths: [Int32]
  let precision: ProductPrecision
  /// nil: full precision.
  let activationBits: ActivationBits?
  /// Whether weights' gradients are replaced or added to.
  let weightGradients: GradientWriting
  let loops: TransformerLoops
  let team: ComputeTeam
  let profiler: StepProfiler
  /// Takes the squares of gradients that this step sets; nil: nobody does.
  var gradientSquares: GradientSquares?
  /// nil: what is quantized is so entirely.
  var mixing: QuantizationMixing?

  /// N = B · T.
  var rows: Int { sequences * length }

  /// Rows that one sum over rows takes at a time. Fixed, so that sums do not depend on the team.
  static let rowsPerSum = 64

  /// Floats of scratch that a sum over `rows` rows of `width` columns needs.
  static func sumScratch(rows: Int, width: Int) -> Int {
    (rows + rowsPerSum - 1) / rowsPerSum * width
  }

  /// Ends an operation that memory bounds.
  ///
  /// - Parameters:
  ///   - passes: how many matrices of floats `[N, width]` it reads and writes.
  ///   - result: one that it wrote.
  func lap(
    _ operation: StepOperation, passes: Int, over result: UnsafePointer<Float>, width: Int
  ) {
    let count = rows * width
    profiler.lap(
      operation, bytes: passes * count * MemoryLayout<Float>.stride, wrote: result, count: count)
  }

  /// Adds to `total` the sum over `rows` rows of what `body` makes of them.
  ///
  /// - Parameters:
  ///   - scratch: `sumScratch(rows:width:)` floats.
  ///   - body: sets `[width]` to the share of a range of rows; ranges run in parallel.
  func addSumOverRows(
    _ rows: Int, width: Int, to total: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>,
    _ body: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    let pieces = (rows + Self.rowsPerSum - 1) / Self.rowsPerSum
    team.parallelRows(pieces) { range in
      for piece in range {
        let first = piece * Self.rowsPerSum
        body(first..<min(rows, first + Self.rowsPerSum), scratch + piece * width)
      }
    }
    for piece in 0..<pieces {
      loops.table.add(total, scratch + piece * width, width)
    }
  }
}

/// Whether a gradient replaces what is at its place, or joins what another user of the same value has
/// put there.
package enum GradientWriting: Sendable { case set, add }
