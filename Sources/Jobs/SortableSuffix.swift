internal import Synchronization

/// The part of an identifier that orders by time: a ULID, 26 characters of Crockford's base 32
/// in lower case: 48 bits of milliseconds, then 80 random bits.
///
/// Source: https://github.com/ulid/spec
package struct SortableSuffix: Hashable, Comparable, Sendable {
  /// The 128 bits, most significant first.
  package let bits: UInt128

  /// - Parameter bits: 48 bits of milliseconds since 1970, then 80 bits of any content.
  package init(bits: UInt128) {
    self.bits = bits
  }

  /// Reads 26 characters; nil for any other length, character, or a value of 2^128 and more.
  package init?(text: some StringProtocol) {
    let characters = text.utf8
    guard characters.count == 26 else { return nil }
    var value: UInt128 = 0
    for (position, character) in characters.enumerated() {
      guard let digit = Self.alphabet.firstIndex(of: character) else { return nil }
      if position == 0, digit > 7 { return nil }
      value = value << 5 | UInt128(digit)
    }
    bits = value
  }

  /// 26 characters, ordered as the values are.
  package var text: String {
    String(unsafeUninitializedCapacity: 26) { buffer in
      var rest = bits
      for position in stride(from: 25, through: 0, by: -1) {
        buffer[position] = Self.alphabet[Int(rest & 31)]
        rest >>= 5
      }
      return 26
    }
  }

  /// When the identifier was made.
  package var time: Timestamp {
    Timestamp(milliseconds: Int64(bits >> 80))
  }

  package static func < (left: SortableSuffix, right: SortableSuffix) -> Bool {
    left.bits < right.bits
  }

  private static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
  private static let last = Mutex<UInt128>(0)

  /// A new value, larger than every one that this process made before.
  ///
  /// Values made in the same millisecond count up from a random start, as the specification
  /// suggests; a clock that steps back does the same, so the order still holds.
  package static func make(at time: Timestamp) -> SortableSuffix {
    let random =
      UInt128(UInt64.random(in: .min ... .max)) << 16 | UInt128(UInt16.random(in: .min ... .max))
    // The highest random bit stays clear, so that counting up cannot reach the next millisecond.
    let fresh = UInt128(UInt64(max(0, time.milliseconds))) << 80 | (random & (UInt128(1) << 79 - 1))
    let bits = last.withLock { last in
      last = last >> 80 >= fresh >> 80 ? last + 1 : fresh
      return last
    }
    return SortableSuffix(bits: bits)
  }
}
