internal import Kernels

/// What one or several projections read, saved for their backward pass: codes with one scale per
/// token, or plain floats. Projections that share an input share its quantization.
struct ProjectionInput {
  enum Storage {
    /// `[N, width]`.
    case values(UnsafeMutablePointer<Float>)
    /// Codes `[N, width]` and scales `[N]`; x is about code / scale.
    case codes(UnsafeMutablePointer<Int8>, scales: UnsafeMutablePointer<Float>)
  }

  enum Rotation { case none, hadamard }

  let storage: Storage
  let width: Int
  /// Where its floats lie in `QuantizationMixing.inputs`, while quantization is ramped up.
  let place: Int
  /// Before the quantizer, where the configuration allows for 4 bits (RECIPE §2).
  let rotation: Rotation

  /// Rows that are made and quantized together, so that their floats stay in the first-level cache.
  private static let rowsAtOnce = 8

  init(
    width: Int, rows: Int, isQuantized: Bool, rotation: Rotation = .none, arena: inout Arena
  ) {
    self.width = width
    self.rotation = rotation
    place = isQuantized ? arena.takeAside(rows * width) : 0
    storage =
      isQuantized
      ? .codes(arena.take(rows * width), scales: arena.take(rows))
      : .values(arena.take(rows * width))
  }

  /// Bytes of the worker's scratch that `fill` needs.
  static func workerScratchBytes(width: Int) -> Int {
    rowsAtOnce * width * MemoryLayout<Float>.stride
  }

  /// Fills all rows.
  ///
  /// - Parameters:
  ///   - operation: the line of the profile; - passes: floats `[N, width]` that it reads and writes.
  ///   - produce: writes the floats of a range of rows, `[range.count, width]`, to an address;
  ///     ranges run in parallel.
  func fill(
    _ operation: StepOperation, passes: Int, step: Step,
    _ produce: (Range<Int>, UnsafeMutablePointer<Float>) -> Void
  ) {
    switch storage {
    case .values(let values):
      step.team.parallelRows(step.rows, grain: Self.rowsAtOnce) { rows in
        produce(rows, values + rows.lowerBound * width)
      }
      step.lap(operation, passes: passes + 1, over: values, width: width)
    case .codes(let codes, let scales):
      guard let bits = step.activationBits else { preconditionFailure("codes need their bits") }
      step.team.parallelRows(
        step.rows, grain: Self.rowsAtOnce,
        scratchBytes: Self.workerScratchBytes(width: width)
      ) { rows, scratch in
        let floats = scratch.bindMemory(to: Float.self, capacity: Self.rowsAtOnce * width)
        for first in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.rowsAtOnce) {
          let piece = first..<min(rows.upperBound, first + Self.rowsAtOnce)
          produce(piece, floats)
          if rotation == .hadamard {
            step.loops.hadamard(floats, rows: piece.count, columns: width)
          }
          step.loops.quantize(
            floats, rows: piece.count, columns: width, bits: bits, codes: codes + first * width,
            scales: scales + first)
          if let mixing = step.mixing {
            step.loops.mix(
              floats, codes: codes + first * width, scales: scales + first, rows: piece.count,
              columns: width, strength: mixing.strength,
              into: mixing.inputs + place + first * width)
          }
        }
      }
      // A row's scale is not finite when one of its floats was not.
      step.profiler.lap(
        operation, bytes: (4 * passes + 1) * step.rows * width, wrote: scales, count: step.rows)
    }
  }

  /// Turns the gradient of what the quantizer was given into that of what `produce` wrote, in place:
  /// the Hadamard transform is its own transpose.
  ///
  /// - Parameter dx: `[N, width]`.
  func undoRotation(of dx: UnsafeMutablePointer<Float>, step: Step) {
    guard rotation == .hadamard else { return }
    hadamardRows(dx, rows: step.rows, columns: width, team: step.team)
  }
}
