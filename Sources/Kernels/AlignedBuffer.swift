internal import Glibc

/// A fixed number of elements, zero at first, aligned to 64 bytes, freed with the object.
///
/// Big buffers come from `mmap`: their pages take memory when they are first written, and the
/// kernel is asked for huge pages, because products walk many rows at once.
package final class AlignedBuffer<Element: BitwiseCopyable> {
  /// Elements, 0 or more.
  package let count: Int
  /// `[count]`, valid as long as this object lives.
  package let pointer: UnsafeMutablePointer<Element>
  private let mappedBytes: Int

  /// - Parameter count: 0 or more. The process ends when there is no address space left: what a job
  ///   needs is computed and refused before it gets here.
  package init(count: Int) {
    precondition(count >= 0, "a buffer cannot hold \(count) elements")
    self.count = count
    let bytes = max(1, count * MemoryLayout<Element>.stride)
    let raw: UnsafeMutableRawPointer
    if bytes >= 1 << 20 {
      mappedBytes = bytes
      let mapped = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      precondition(mapped != MAP_FAILED, "no memory for \(bytes) bytes")
      raw = mapped!
      madvise(raw, bytes, MADV_HUGEPAGE)
    } else {
      mappedBytes = 0
      raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }
    pointer = raw.bindMemory(to: Element.self, capacity: count)
  }

  deinit {
    if mappedBytes > 0 {
      munmap(pointer, mappedBytes)
    } else {
      UnsafeMutableRawPointer(pointer).deallocate()
    }
  }

  /// The element at `index`, in `0 ..< count`.
  package subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index \(index) is outside 0 ..< \(count)")
      return pointer[index]
    }
    set {
      precondition(index >= 0 && index < count, "index \(index) is outside 0 ..< \(count)")
      pointer[index] = newValue
    }
  }

  /// The whole buffer, valid as long as this object lives.
  package var elements: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }
}
