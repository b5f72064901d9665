#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The steps after which a file is on the disk, whole, under its name.
enum DurableFile {
  /// Writes a new file and makes its content durable.
  ///
  /// - Parameters:
  ///   - absolute: where; must not exist.
  ///   - path: for errors.
  static func write(
    _ content: [UInt8], to absolute: String, path: String
  ) throws(ArtifactError) {
    let descriptor = open(absolute, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw ArtifactError(errno, path: path) }
    defer { close(descriptor) }
    var written = 0
    while written < content.count {
      let count = content.withUnsafeBytes { bytes in
        Self.systemWrite(descriptor, bytes.baseAddress! + written, bytes.count - written)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw ArtifactError(errno, path: path)
      }
      written += count
    }
    guard fsync(descriptor) == 0 else { throw ArtifactError(errno, path: path) }
  }

  private static func systemWrite(
    _ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int
  ) -> Int {
    #if canImport(Glibc)
      Glibc.write(descriptor, bytes, count)
    #elseif canImport(Musl)
      Musl.write(descriptor, bytes, count)
    #else
      Darwin.write(descriptor, bytes, count)
    #endif
  }

  /// Makes the content of a file, or the names in a folder, durable.
  static func synchronize(_ absolute: String, path: String) throws(ArtifactError) {
    let descriptor = open(absolute, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ArtifactError(errno, path: path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw ArtifactError(errno, path: path) }
  }

  /// Gives a durable file its name, and makes the name durable.
  ///
  /// - Returns: false when the two are on different file systems; nothing was done then.
  static func move(
    _ source: String, to absolute: String, path: String
  ) throws(ArtifactError) -> Bool {
    if rename(source, absolute) != 0 {
      if errno == EXDEV { return false }
      throw ArtifactError(errno, path: path)
    }
    let folder = absolute.split(separator: "/").dropLast().joined(separator: "/")
    try synchronize("/" + folder, path: path)
    return true
  }

  /// Forgets a file that was not finished.
  static func discard(_ absolute: String) {
    unlink(absolute)
  }

  /// Bytes that this user may still write to the file system.
  static func freeBytes(_ absolute: String) throws(ArtifactError) -> Int64 {
    var statistics = statvfs()
    guard statvfs(absolute, &statistics) == 0 else { throw ArtifactError(errno, path: absolute) }
    return Int64(statistics.f_bavail) * Int64(statistics.f_frsize)
  }
}
