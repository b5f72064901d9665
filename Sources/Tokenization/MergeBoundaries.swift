/// Where a piece may be cut so that both halves have the tokens that they have together.
///
/// A merge joins a token that ends with one character to a token that begins with another. Between
/// two characters that no merge joins in this way, a token's boundary stays whatever is merged
/// around it. Llama's tokenizers make one piece of a whole text, and no token goes over a space:
/// cut there, a text falls into words, which are remembered.
struct MergeBoundaries: Sendable {
  /// Pieces shorter than this are not worth cutting.
  static let pieceBytesMin = 24

  /// A bit for each pair of characters, by its hash; one that is set by chance only costs a cut.
  private var joined: [UInt64]
  private let mark: UInt32
  private static let bitCount = 1 << 20

  /// - Parameters:
  ///   - merges: what each merge joins.
  ///   - mark: the character before which cuts are looked for first.
  init(merges: [(left: String, right: String)], mark: Unicode.Scalar = "\u{2581}") {
    self.mark = mark.value
    joined = [UInt64](repeating: 0, count: Self.bitCount / 64)
    for merge in merges {
      guard let left = merge.left.unicodeScalars.last, let right = merge.right.unicodeScalars.first
      else { continue }
      let bit = Self.bit(left.value, right.value)
      joined[bit >> 6] |= 1 << UInt64(bit & 63)
    }
  }

  /// Where the first part of `piece` from `start` on ends.
  func end(
    in piece: UnsafeBufferPointer<UInt8>, from start: Int, _ model: BytePairModel
  ) -> Int {
    var place = start
    var previous: UInt32 = 0
    while place < piece.count {
      let (value, length) = UTF8Text.value(in: piece, at: place)
      // Beyond a word's length any cut is better than none. What is unknown may become one token
      // with its neighbour, and is not cut off.
      if place > start, value == mark || place - start >= 32, !joins(previous, value),
        isKnown(previous, model), isKnown(value, model)
      {
        return place
      }
      previous = value
      place += length
    }
    return piece.count
  }

  private func isKnown(_ value: UInt32, _ model: BytePairModel) -> Bool {
    value < 0x80 ? model.asciiTokens[Int(value)] >= 0 : model.characterTokens[value] != nil
  }

  private func joins(_ left: UInt32, _ right: UInt32) -> Bool {
    let bit = Self.bit(left, right)
    return joined[bit >> 6] & 1 << UInt64(bit & 63) != 0
  }

  private static func bit(_ left: UInt32, _ right: UInt32) -> Int {
    let mixed = (UInt64(left) << 21 | UInt64(right)) &* 0x9E37_79B9_7F4A_7C15
    return Int(mixed >> 44)
  }
}
