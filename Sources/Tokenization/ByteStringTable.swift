/// Distinct byte strings, numbered in the order in which they first came.
///
/// One growing arena and one open-addressing table, so that a million words cost two allocations,
/// and so that equal means equal bytes: Swift's `String` also calls differently composed
/// characters equal, which a vocabulary must not.
struct ByteStringTable: Sendable {
  private var arena: [UInt8] = []
  /// `ends[i]` is where string i ends in the arena, and string i + 1 begins.
  private var ends: [Int] = []
  private var hashes: [UInt32] = []
  /// The index of a string plus one, or zero; a power of two of slots, at most half of them used.
  private var slots: [Int32]

  init(minimumCapacity: Int = 16) {
    var slotCount = 32
    while slotCount < minimumCapacity * 2 { slotCount *= 2 }
    slots = [Int32](repeating: 0, count: slotCount)
  }

  var count: Int { ends.count }

  subscript(index: Int) -> ArraySlice<UInt8> { arena[range(of: index)] }

  /// The index of `bytes`; nil if it was never inserted.
  func index(of bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let entry = slots[slot(of: bytes, hash: Self.hash(bytes))]
    return entry == 0 ? nil : Int(entry) - 1
  }

  func index(of bytes: [UInt8]) -> Int? { bytes.withUnsafeBufferPointer { index(of: $0) } }

  /// The index of `bytes`, which is `count` before the call when they are new.
  mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = Self.hash(bytes)
    let place = slot(of: bytes, hash: hash)
    if slots[place] != 0 { return Int(slots[place]) - 1 }
    arena.append(contentsOf: bytes)
    ends.append(arena.count)
    hashes.append(hash)
    slots[place] = Int32(ends.count)
    if ends.count * 2 > slots.count { grow() }
    return ends.count - 1
  }

  mutating func insert(_ bytes: [UInt8]) -> Int { bytes.withUnsafeBufferPointer { insert($0) } }

  /// Forgets every string and keeps the memory.
  mutating func removeAll() {
    arena.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    hashes.removeAll(keepingCapacity: true)
    for index in slots.indices { slots[index] = 0 }
  }

  private func range(of index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  private func slot(of bytes: UnsafeBufferPointer<UInt8>, hash: UInt32) -> Int {
    let mask = slots.count - 1
    var place = Int(hash) & mask
    while slots[place] != 0 {
      let index = Int(slots[place]) - 1
      if hashes[index] == hash, isEqual(index, bytes) { break }
      place = (place + 1) & mask
    }
    return place
  }

  private func isEqual(_ index: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let range = range(of: index)
    guard range.count == bytes.count else { return false }
    return arena.withUnsafeBufferPointer { arena in
      for offset in 0..<range.count where arena[range.lowerBound + offset] != bytes[offset] {
        return false
      }
      return true
    }
  }

  private mutating func grow() {
    slots = [Int32](repeating: 0, count: slots.count * 2)
    let mask = slots.count - 1
    for index in ends.indices {
      var place = Int(hashes[index]) & mask
      while slots[place] != 0 { place = (place + 1) & mask }
      slots[place] = Int32(index + 1)
    }
  }

  /// FNV-1a over eight bytes at a time, mixed at the end.
  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(bytes.count)
    let raw = UnsafeRawBufferPointer(bytes)
    var offset = 0
    while offset + 8 <= raw.count {
      let word = raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      hash = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash >> 29
      offset += 8
    }
    while offset < raw.count {
      hash = (hash ^ UInt64(raw[offset])) &* 0x0000_0100_0000_01B3
      offset += 1
    }
    hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
    return UInt32(truncatingIfNeeded: hash >> 32)
  }
}
