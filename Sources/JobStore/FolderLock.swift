#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Keeps a second daemon off a data folder, as two writers would damage what is in it.
///
/// The kernel drops the lock with the process, however that ends; the file stays, and holds the
/// number of the process that took it last.
struct FolderLock: ~Copyable {
  private let descriptor: Int32

  /// Takes the lock, without waiting.
  ///
  /// - Throws: `.folderInUse` when another process (or this one) has it.
  init(folder: String) throws(StoreError) {
    let path = folder + "/bitnetd.lock"
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .unavailable("cannot open \(path): \(String(cString: strerror(errno)))")
    }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      var buffer = [UInt8](repeating: 0, count: 16)
      let count = pread(descriptor, &buffer, buffer.count, 0)
      let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
      close(descriptor)
      throw .folderInUse(processID: Int32(text.prefix { $0.isNumber }))
    }
    let text = Array("\(getpid())\n".utf8)
    _ = ftruncate(descriptor, 0)
    _ = pwrite(descriptor, text, text.count, 0)
  }

  deinit {
    close(descriptor)
  }
}
