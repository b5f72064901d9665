/// Which token two neighbouring tokens merge to, and how early.
struct MergeTable: Sendable {
  /// A merge: those of lower rank come first.
  struct Merge: Equatable, Sendable {
    let rank: Int32
    let token: Int32
  }

  /// Two tokens in one word, or `empty`; a power of two of slots, at most half of them used.
  private var keys: [UInt64]
  private var merges: [Merge]
  private static let empty = UInt64.max

  init(capacity: Int) {
    var slotCount = 32
    while slotCount < capacity * 2 { slotCount *= 2 }
    keys = [UInt64](repeating: Self.empty, count: slotCount)
    merges = [Merge](repeating: Merge(rank: 0, token: 0), count: slotCount)
  }

  /// The pair's merge; nil if it is none.
  func merge(_ left: Int32, _ right: Int32) -> Merge? {
    let key = Self.key(left, right)
    let place = slot(of: key)
    return keys[place] == key ? merges[place] : nil
  }

  /// Adds a merge.
  ///
  /// - Precondition: fewer merges are there than the capacity asked for.
  /// - Returns: false if the pair already had one, which stays.
  mutating func insert(_ merge: Merge, left: Int32, right: Int32) -> Bool {
    let key = Self.key(left, right)
    let place = slot(of: key)
    if keys[place] == key { return false }
    keys[place] = key
    merges[place] = merge
    return true
  }

  private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func slot(of key: UInt64) -> Int {
    let mask = keys.count - 1
    let mixed = (key ^ key >> 31) &* 0x9E37_79B9_7F4A_7C15
    var place = Int(truncatingIfNeeded: mixed >> 32) & mask
    while keys[place] != key, keys[place] != Self.empty { place = (place + 1) & mask }
    return place
  }
}
