/// Random numbers that a seed repeats (Steele et al. 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}

/// Damages inputs: the same seed and index give the same bytes for ever.
struct Mutation {
  /// Numbers at which arithmetic goes wrong.
  private static let numbers: [UInt64] = [
    0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 65_535, 65_536, 0x7FFF_FFFF,
    0x8000_0000, 0xFFFF_FFFF, 1 << 32, 1 << 40, 1 << 53, 1 << 61, 1 << 62, (1 << 63) - 1, 1 << 63,
    .max - 7, .max - 1, .max,
  ]
  /// Pieces that JSON readers trip over.
  private static let words: [String] = [
    "null", "true", "-1", "0", "1e999", "-1e-999", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "0.5", "1e18", "\"\"", "{}", "[]", "[[[[[[[[[[", "{\"a\":{\"a\":",
    "\"\\ud800\"", "\"\\u0000\"", "\\", "\"", ",", ":", "}", "]", "{", "[", "\u{FEFF}", "\u{0}",
  ]

  private static let headerBytes = 16_384

  /// Valid inputs to start from.
  let seeds: [[UInt8]]
  /// Whether inputs are text.
  let isText: Bool

  /// The input number `index` of a run.
  func input(seed: UInt64, index: Int) -> [UInt8] {
    var random = SplitMix64(seed: seed ^ (UInt64(index) &* 0xD1B5_4A32_D192_ED03))
    var bytes = seeds[Int.random(in: 0..<seeds.count, using: &random)]
    for _ in 0..<Int.random(in: 1...6, using: &random) { damage(&bytes, &random) }
    return bytes
  }

  private func damage(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard !bytes.isEmpty else {
      bytes.append(UInt8.random(in: .min ... .max, using: &random))
      return
    }
    // Headers are small and come first: most damage goes there.
    let isHeader = Int.random(in: 0..<4, using: &random) > 0
    let place = Int.random(
      in: 0..<(isHeader ? min(bytes.count, Self.headerBytes) : bytes.count), using: &random)
    switch Int.random(in: 0..<9, using: &random) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 1: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
    case 2: bytes.removeSubrange(place...)
    case 3:
      let end = min(bytes.count, place + Int.random(in: 1...64, using: &random))
      bytes.removeSubrange(place..<end)
    case 4:
      let end = min(bytes.count, place + Int.random(in: 1...64, using: &random))
      bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5:
      let other = seeds[Int.random(in: 0..<seeds.count, using: &random)]
      let start = Int.random(in: 0..<other.count, using: &random)
      bytes.replaceSubrange(place..., with: other[start...])
    default: isText ? replaceWord(&bytes, place, &random) : replaceNumber(&bytes, place, &random)
    }
  }

  private func replaceNumber(_ bytes: inout [UInt8], _ place: Int, _ random: inout SplitMix64) {
    let number = Self.numbers[Int.random(in: 0..<Self.numbers.count, using: &random)]
    let width = [1, 2, 4, 8][Int.random(in: 0..<4, using: &random)]
    for offset in 0..<width where place + offset < bytes.count {
      bytes[place + offset] = UInt8(truncatingIfNeeded: number >> (8 * UInt64(offset)))
    }
  }

  /// Puts a word in the place of a number or name, or anywhere.
  private func replaceWord(_ bytes: inout [UInt8], _ place: Int, _ random: inout SplitMix64) {
    let word = Self.words[Int.random(in: 0..<Self.words.count, using: &random)].utf8
    func isPlain(_ byte: UInt8) -> Bool {
      (48...57).contains(byte) || (97...122).contains(byte | 32) || byte == 45 || byte == 46
        || byte == 95
    }
    var (start, end) = (place, place)
    while start > 0, isPlain(bytes[start - 1]) { start -= 1 }
    while end < bytes.count, isPlain(bytes[end]) { end += 1 }
    bytes.replaceSubrange(start..<end, with: word)
  }
}
