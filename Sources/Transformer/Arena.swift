internal import Kernels

/// Memory for everything that a step saves or scratches, sized before the first step.
///
/// The same code runs twice: an arena that only measures counts the bytes, and one of that size hands
/// out the addresses. So the size is exact, and nothing is allocated during a step.
struct Arena {
  /// Bytes of its own handed out so far, each piece rounded up to 64.
  private(set) var bytes = 0
  /// Floats that were given a place in memory that is not the arena's.
  private(set) var countAside = 0
  private let base: UnsafeMutableRawPointer?
  private var lent: (base: UnsafeMutableRawPointer?, used: Int, end: Int) = (nil, 0, 0)

  /// Measures: the addresses that it hands out must not be touched.
  static var measuring: Arena { Arena(base: nil) }

  /// Hands out pieces of `buffer`, which outlives their use.
  init(in buffer: AlignedBuffer<UInt8>) {
    self.init(base: UnsafeMutableRawPointer(buffer.pointer))
  }

  private init(base: UnsafeMutableRawPointer?) {
    self.base = base
  }

  /// The next `count` elements, aligned to 64 bytes.
  mutating func take<Element: BitwiseCopyable>(
    _ count: Int, of type: Element.Type = Element.self
  ) -> UnsafeMutablePointer<Element> {
    let size = (count * MemoryLayout<Element>.stride + 63) / 64 * 64
    let place: UnsafeMutableRawPointer?
    if size <= lent.end - lent.used {
      place = lent.base.map { $0 + lent.used }
      lent.used += size
    } else {
      place = base.map { $0 + bytes }
      bytes += size
    }
    guard let place else {
      // Never read or written; any address that is not null and aligned will do.
      return UnsafeMutablePointer(bitPattern: 64)!
    }
    return place.bindMemory(to: type, capacity: count)
  }

  /// The place of the next `count` floats in memory beside the arena, which need not be there yet;
  /// aligned to 64 bytes.
  mutating func takeAside(_ count: Int) -> Int {
    defer { countAside += (count + 15) / 16 * 16 }
    return countAside
  }

  /// From now on, pieces lie in somebody else's memory as long as it reaches: in `range` of `base`,
  /// behind the pieces that it holds already. An empty range ends this.
  mutating func borrow(_ range: Range<Int>, of base: UnsafeMutableRawPointer?) {
    lent = (base, max(lent.used, range.lowerBound), range.upperBound)
  }

  /// Bytes that are left of the borrowed memory.
  var borrowedRest: Int { max(0, lent.end - lent.used) }

  /// Gives back everything taken since `bytes` was `mark`, for memory that two phases share.
  mutating func rewind(to mark: Int) {
    bytes = mark
  }
}
