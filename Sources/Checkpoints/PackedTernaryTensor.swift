// The form in which Hugging Face's `bitnet` integration stores a ternary matrix.
//
// `[outputs, inputs]` trits become `[outputs / 4, inputs]` bytes: byte (r, c) holds rows r, r + R,
// r + 2R, r + 3R of column c, R = outputs / 4, in its bits 0-1, 2-3, 4-5, 6-7, each as trit + 1. Beside
// it lies `weight_scale`, one number, whose meaning depends on the file's `linear_class`.
//
// Source: transformers, integrations/bitnet.py (`pack_weights`, `BitLinear`, `AutoBitLinear`).

/// A matrix of trits in Hugging Face's packed form.
package enum PackedTernaryTensor {
  /// What `weight_scale` means.
  package enum ScaleMeaning: Equatable, Sendable {
    /// The trits' unit Δ (`autobitlinear`).
    case multiplied
    /// 1 / Δ (`bitlinear`).
    case divided
  }

  /// Trits per byte.
  package static let rowsPerByte = 4

  /// Packs trits.
  ///
  /// - Parameters:
  ///   - trits: `[outputs, inputs]`, each -1, 0 or 1. - outputs: a multiple of 4.
  /// - Returns: `[outputs / 4, inputs]`.
  package static func pack(_ trits: [Int8], outputs: Int, inputs: Int) -> [UInt8] {
    precondition(
      outputs % rowsPerByte == 0 && trits.count == outputs * inputs,
      "trits must be [\(outputs), \(inputs)], the rows a multiple of four")
    let stride = outputs / rowsPerByte * inputs
    return [UInt8](unsafeUninitializedCapacity: stride) { bytes, count in
      for place in 0..<stride {
        var byte: UInt8 = 0
        for quarter in 0..<rowsPerByte {
          let trit = trits[quarter * stride + place]
          precondition(-1...1 ~= trit, "a trit is -1, 0 or 1")
          byte |= UInt8(trit + 1) << (2 * UInt8(quarter))
        }
        bytes[place] = byte
      }
      count = stride
    }
  }

  /// The magnitude of latent weights that round (RECIPE §2) to given trits times their unit.
  ///
  /// The rounding takes Δ = mean|W|, so the magnitude must be Δ over the share of trits that are not
  /// zero. Nothing is left to chance: W / Δ is then 0 or at least 1 in magnitude.
  ///
  /// - Parameters:
  ///   - unit: Δ. - nonZero: trits that are not zero. - total: all trits.
  package static func latentMagnitude(unit: Double, nonZero: Int, total: Int) -> Float {
    nonZero == 0 ? 0 : Float(unit * Double(total) / Double(nonZero))
  }

  /// Writes latent weights that round to the packed trits times their unit.
  ///
  /// - Parameters:
  ///   - bytes: `[outputs / 4, inputs]`. - unit: Δ, above 0.
  ///   - destination: `[outputs, inputs]`.
  /// - Returns: false when a field holds 3, which is no trit.
  static func writeLatents(
    _ bytes: UnsafeRawBufferPointer, unit: Double, to destination: UnsafeMutablePointer<Float>
  ) -> Bool {
    var zeros = 0
    var invalid = 0
    for byte in bytes {
      // A field is 1 where only its lower bit is set, 3 where both are.
      let (lower, upper) = (byte & 0x55, byte >> 1 & 0x55)
      zeros += (lower & ~upper).nonzeroBitCount
      invalid += (lower & upper).nonzeroBitCount
    }
    guard invalid == 0 else { return false }
    let total = bytes.count * rowsPerByte
    let magnitude = latentMagnitude(unit: unit, nonZero: total - zeros, total: total)
    let values: [Float] = [-magnitude, 0, magnitude, 0]
    values.withUnsafeBufferPointer { values in
      for quarter in 0..<rowsPerByte {
        let (rows, shift) = (destination + quarter * bytes.count, UInt8(2 * quarter))
        for place in 0..<bytes.count { rows[place] = values[Int(bytes[place] >> shift & 3)] }
      }
    }
    return true
  }
}
