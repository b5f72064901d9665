#if canImport(Glibc)
  import Glibc
#endif

/// A file seen as memory, read-only; the pages are the kernel's cache, never a copy.
///
/// A file that another program shortens while it is mapped would end this process. The project's own
/// files are safe: they are only ever replaced by renaming.
package final class MappedFile: Sendable {
  /// The whole file.
  ///
  /// Unsafe to share only in the sense that it must not outlive the object; nobody writes to it.
  nonisolated(unsafe) package let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`; an empty file gives no bytes.
  package init(path: String) throws(FileError) {
    try FileFailpoint.pass(.open, path)
    // Without O_NONBLOCK a named pipe would wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw FileError(.open, path: path, code: errno)
    }
    // Mapping a folder or a device fails with errors that say nothing.
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(.open, path: path, code: status.st_mode & S_IFMT == S_IFDIR ? EISDIR : EINVAL)
    }
    let count = Int(status.st_size)
    guard count > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED
    else { throw FileError(.map, path: path, code: errno) }
    bytes = UnsafeRawBufferPointer(start: base, count: count)
  }

  /// Lets the pages of some bytes go from this process; who reads them again finds them in the
  /// kernel's cache, or on the disk.
  func release(_ range: Range<Int>) {
    guard let base = bytes.baseAddress, !range.isEmpty else { return }
    // Whole pages: a neighbour's bytes on the first and the last are only read again.
    let first = range.lowerBound & ~(Int(getpagesize()) - 1)
    madvise(
      UnsafeMutableRawPointer(mutating: base + first), range.upperBound - first, MADV_DONTNEED)
  }

  deinit {
    guard let base = bytes.baseAddress else { return }
    munmap(UnsafeMutableRawPointer(mutating: base), bytes.count)
  }
}
