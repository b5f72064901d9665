/// How many bits of a log-probability a trace keeps.
package enum LogprobBits: Int, Codable, CaseIterable, Sendable {
  case sixteen = 16
  /// All of float32's.
  case thirtyTwo = 32

  /// The number that is stored for `logprob`.
  ///
  /// With 16 bits it is rounded to float16's 11 significant bits and keeps float32's type, so that
  /// every reader reads it; the bytes that are zero then vanish in the compression. The relative
  /// error of a log-probability is at most 2^-11, that of a probability p at most 2^-11 |ln p|.
  /// Rounding keeps the order.
  func stored(_ logprob: Float) -> Float {
    switch self {
    case .thirtyTwo: return logprob
    case .sixteen:
      guard logprob.isFinite else { return logprob }
      // Half of the last kept bit, less when the kept part is even: ties go to even.
      let bits = logprob.bitPattern
      let rounding: UInt32 = 0xFFF + (bits >> 13 & 1)
      return Float(bitPattern: (bits &+ rounding) & ~0x1FFF)
    }
  }
}
