internal import Kernels

/// Memory for everything that a step saves or scratches, sized before the first step.
///
/// The same code runs twice: an arena that only measures counts the bytes, and one of that size hands
/// out the addresses. So the size is exact, and nothing is allocated during a step.
struct Arena {
  /// Bytes handed out so far, each piece rounded up to 64.
  private(set) var bytes = 0
  private let base: UnsafeMutableRawPointer?

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
    defer { bytes += (count * MemoryLayout<Element>.stride + 63) / 64 * 64 }
    guard let base else {
      // Never read or written; any address that is not null and aligned will do.
      return UnsafeMutablePointer(bitPattern: 64)!
    }
    return (base + bytes).bindMemory(to: type, capacity: count)
  }

  /// Gives back everything taken since `bytes` was `mark`, for memory that two phases share.
  mutating func rewind(to mark: Int) {
    bytes = mark
  }
}
