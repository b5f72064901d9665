internal import CKernels
internal import Foundation
internal import Kernels

/// Rotary position embedding (Su et al. 2021, arXiv:2104.09864), half-split ("NeoX") order: element
/// i of a head turns with element i + D/2 by the angle position · frequency(i).
package struct RotaryFrequencies: Equatable, Sendable {
  /// `[D/2]`, radians per position.
  package let frequencies: [Double]
  /// Multiplies cosines and sines; 1 but for YaRN.
  package let amplitude: Double

  /// The frequencies of `configuration`: θ^(−2i/D), changed as its `ropeScaling` says.
  package init(_ configuration: ModelConfiguration) {
    let dimension = configuration.headDim
    let theta = configuration.ropeTheta
    let plain = (0..<dimension / 2).map { pow(theta, -2 * Double($0) / Double(dimension)) }
    switch configuration.ropeScaling {
    case nil:
      frequencies = plain
      amplitude = 1
    case .linear(let factor):
      frequencies = plain.map { $0 / factor }
      amplitude = 1
    case .llama3(let factor, let low, let high, let originalPositions):
      frequencies = plain.map { frequency in
        // Turns over the original context: few mean a low frequency, to be stretched.
        let turns = Double(originalPositions) * frequency / (2 * .pi)
        let kept = min(1, max(0, (turns - low) / (high - low)))
        return (1 - kept) * frequency / factor + kept * frequency
      }
      amplitude = 1
    case .yarn(let factor, let originalPositions, let betaFast, let betaSlow, let attentionFactor):
      // The pair index whose frequency makes `turns` turns over the original context.
      func pairIndex(turns: Double) -> Double {
        Double(dimension) * log(Double(originalPositions) / (turns * 2 * .pi)) / (2 * log(theta))
      }
      let first = max(0, pairIndex(turns: betaFast).rounded(.down))
      let end = min(Double(dimension - 1), pairIndex(turns: betaSlow).rounded(.up))
      // As in the reference implementation, a ramp of no width becomes a very steep one.
      let last = first == end ? end + 0.001 : end
      frequencies = plain.enumerated().map { index, frequency in
        let stretched = min(1, max(0, (Double(index) - first) / (last - first)))
        return stretched * frequency / factor + (1 - stretched) * frequency
      }
      amplitude = attentionFactor
    }
  }
}

/// Cosines and sines of every position, and the rotation by them.
final class RoPE {
  /// `[maximumLength, D/2]` each.
  private let cosines: AlignedBuffer<Float>
  private let sines: AlignedBuffer<Float>
  private let headDimension: Int

  init(_ configuration: ModelConfiguration, maximumLength: Int) {
    let rotary = RotaryFrequencies(configuration)
    let half = rotary.frequencies.count
    headDimension = configuration.headDim
    cosines = AlignedBuffer(count: maximumLength * half)
    sines = AlignedBuffer(count: maximumLength * half)
    for position in 0..<maximumLength {
      for (pair, frequency) in rotary.frequencies.enumerated() {
        let angle = Double(position) * frequency
        cosines.pointer[position * half + pair] = Float(cos(angle) * rotary.amplitude)
        sines.pointer[position * half + pair] = Float(sin(angle) * rotary.amplitude)
      }
    }
  }

  /// Bytes of the two tables.
  static func tableBytes(_ configuration: ModelConfiguration, maximumLength: Int) -> Int {
    2 * maximumLength * (configuration.headDim / 2) * MemoryLayout<Float>.stride
  }

  enum Direction: Float {
    case forward = 1
    /// The transpose of `forward`, for gradients.
    case backward = -1
  }

  /// Rotates the heads of `x`, rows `rows` of a batch of sequences of `length` positions, in place.
  ///
  /// - Parameter x: `[batch rows, heads * D]`, its first row being row 0 of the batch.
  func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, length: Int, rows: Range<Int>,
    direction: Direction, loops: TransformerLoops
  ) {
    loops.table.rope_rotate(
      x + rows.lowerBound * heads * headDimension, rows.lowerBound, rows.count, length, heads,
      headDimension, cosines.pointer, sines.pointer, direction.rawValue)
  }
}
