#if canImport(Glibc)
  import Glibc
#endif

/// A new file that is being written.
///
/// Whoever owns it is the only writer; the descriptor closes when the owner goes away. Bytes are
/// safe from a power failure once `sync()` has returned and the folder was flushed
/// (`DurableFile.syncFolder`).
package struct DurableFile: ~Copyable {
  private let descriptor: Int32
  /// Where the file lies.
  package let path: String
  /// Bytes written so far.
  package private(set) var byteCount = 0

  /// Creates the file, which must not exist yet.
  package init(creating path: String) throws(FileError) {
    try FileFailpoint.pass(.create, path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError(.create, path: path, code: errno) }
    self.descriptor = descriptor
    self.path = path
  }

  deinit { close(descriptor) }

  /// Appends all of `bytes`, or throws.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    var fault: FileFault?
    if let check = FileFailpoint.check { fault = check(.write, path) }
    switch fault {
    case nil: break
    case .error(let code): throw FileError(.write, path: path, code: code)
    case .shortWrite: rest = UnsafeRawBufferPointer(rebasing: rest[..<(rest.count / 2)])
    }
    // Linux writes at most 2 GiB a call; smaller pieces let a full disk show early.
    let pieceBytes = 16 << 20
    while let base = rest.baseAddress, rest.count > 0 {
      let written = Glibc.write(descriptor, base, min(rest.count, pieceBytes))
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(.write, path: path, code: errno)
      }
      byteCount += written
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
    if case .shortWrite(let code) = fault { throw FileError(.write, path: path, code: code) }
  }

  /// Appends all of `bytes`, or throws.
  package mutating func write(_ bytes: [UInt8]) throws(FileError) {
    try bytes.span.bytes.withUnsafeBytes { raw throws(FileError) in try write(raw) }
  }

  /// Waits until every byte is on the disk.
  ///
  /// After a failure nothing is known about the file, not even when a later call succeeds
  /// (the kernel reports a lost page once): remove it.
  package func sync() throws(FileError) {
    try FileFailpoint.pass(.sync, path)
    guard fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
  }

  /// Flushes an existing file that somebody else has written.
  package static func sync(existing path: String) throws(FileError) {
    try FileFailpoint.pass(.sync, path)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.sync, path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(.sync, path: path, code: errno) }
  }

  /// Makes the names in a folder (creations, renames, removals) survive a power failure.
  package static func syncFolder(_ path: String) throws(FileError) {
    try FileFailpoint.pass(.syncFolder, path)
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.syncFolder, path: path, code: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError(.syncFolder, path: path, code: errno) }
  }

  /// Gives a file or folder its final name, replacing a file of that name.
  package static func rename(_ old: String, to new: String) throws(FileError) {
    try FileFailpoint.pass(.rename, new)
    guard Glibc.rename(old, new) == 0 else { throw FileError(.rename, path: new, code: errno) }
  }

  /// Removes a file.
  package static func remove(_ path: String) throws(FileError) {
    try FileFailpoint.pass(.remove, path)
    guard unlink(path) == 0 else { throw FileError(.remove, path: path, code: errno) }
  }
}
