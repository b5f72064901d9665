/// The tokens of pieces that came before; forgets all when it is full.
struct PieceMemory {
  private var known = ByteStringTable(minimumCapacity: 1 << 10)
  private var tokens: [Int32] = []
  private var ends: [Int] = []
  /// Longer pieces seldom come twice.
  private static let pieceBytesMax = 48
  private static let piecesMax = 1 << 16

  /// Appends the tokens of `piece`; false if that is not known.
  func recall(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) -> Bool {
    guard piece.count <= Self.pieceBytesMax, let index = known.index(of: piece) else {
      return false
    }
    ids.append(contentsOf: tokens[(index == 0 ? 0 : ends[index - 1])..<ends[index]])
    return true
  }

  mutating func remember(_ piece: UnsafeBufferPointer<UInt8>, _ newTokens: [Int32]) {
    guard piece.count <= Self.pieceBytesMax else { return }
    if known.count == Self.piecesMax {
      known.removeAll()
      tokens.removeAll(keepingCapacity: true)
      ends.removeAll(keepingCapacity: true)
    }
    _ = known.insert(piece)
    tokens.append(contentsOf: newTokens)
    ends.append(tokens.count)
  }
}
