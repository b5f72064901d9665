/// Packed weights as they lie in memory: in a buffer of their own, or in a mapped file.
package struct WeightBytes {
  /// `[count]`, valid as long as a copy of this value lives.
  package let pointer: UnsafePointer<UInt8>
  package let count: Int
  // Keeps the memory.
  private let owner: AnyObject

  /// The same as a buffer.
  package var buffer: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: pointer, count: count)
  }

  /// Part of something else's memory.
  ///
  /// - Parameter owner: what `pointer` lives as long as.
  package init(pointer: UnsafePointer<UInt8>, count: Int, owner: AnyObject) {
    self.pointer = pointer
    self.count = count
    self.owner = owner
  }

  /// A buffer that is not written any more.
  package init(_ buffer: AlignedBuffer<UInt8>) {
    self.init(pointer: UnsafePointer(buffer.pointer), count: buffer.count, owner: buffer)
  }
}
