/// Random numbers that are a pure function of a seed. Steele et al. 2014, "Fast splittable
/// pseudorandom number generators".
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  /// The generator of stream number `stream` of `seed`; streams are unrelated.
  init(seed: UInt64, stream: UInt64) {
    var mixer = SplitMix64(seed: seed)
    state = mixer.next() ^ (stream &* 0xD1B5_4A32_D192_ED03)
    state = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// A random order. Written out, because the standard library does not promise that its own
  /// shuffle stays the same, and a resumed run must see the same order.
  mutating func shuffle<Element>(_ elements: inout [Element]) {
    for last in stride(from: elements.count - 1, to: 0, by: -1) {
      let other = next().multipliedFullWidth(by: UInt64(last + 1)).high
      elements.swapAt(last, Int(other))
    }
  }
}
