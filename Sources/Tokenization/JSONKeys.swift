/// Keys that a reader of JSON looks for, in a form in which they are compared sixteen bytes at a time.
package struct JSONKeys: Sendable {
  /// A key with its closing quote.
  private struct Key {
    let bytes: SIMD2<UInt64>
    /// The bytes that count.
    let mask: SIMD2<UInt64>
    let count: Int
  }

  private let names: [String]
  private let keys: [Key]

  /// - Parameter names: of 15 bytes at most each, without what JSON escapes.
  package init(_ names: [String]) {
    self.names = names
    keys = names.map { name in
      let count = name.utf8.count
      precondition(count < 16, "a longer key takes more than one comparison")
      var bytes = SIMD16<UInt8>(repeating: 0)
      var mask = bytes
      for (index, byte) in (Array(name.utf8) + [UInt8(ascii: "\"")]).enumerated() {
        bytes[index] = byte
        mask[index] = 255
      }
      return Key(
        bytes: unsafeBitCast(bytes, to: SIMD2<UInt64>.self),
        mask: unsafeBitCast(mask, to: SIMD2<UInt64>.self), count: count)
    }
  }

  /// The place of a key.
  func place(of name: String) -> Int? { names.firstIndex(of: name) }

  /// The key that stands at `position`, right after its opening quote, as its place and its length;
  /// nil also where fewer than sixteen bytes follow.
  func match(in text: [UInt8], at position: Int) -> (place: Int, count: Int)? {
    guard position + 16 <= text.count else { return nil }
    let found = text.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: position, as: SIMD2<UInt64>.self)
    }
    for place in keys.indices where found & keys[place].mask == keys[place].bytes {
      return (place, keys[place].count)
    }
    return nil
  }
}
