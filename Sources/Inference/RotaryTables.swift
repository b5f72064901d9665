internal import Foundation
internal import Kernels
internal import Transformer

/// Cosines and sines of every position, `[maximumLength, D/2]` each.
struct RotaryTables {
  let cosines: AlignedBuffer<Float>
  let sines: AlignedBuffer<Float>

  init(_ configuration: ModelConfiguration, maximumLength: Int) {
    let rotary = RotaryFrequencies(configuration)
    let half = rotary.frequencies.count
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

  static func byteCount(_ configuration: ModelConfiguration, maximumLength: Int) -> Int {
    2 * maximumLength * (configuration.headDim / 2) * MemoryLayout<Float>.stride
  }
}
