internal import Crypto

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A file that is whole, under its name.
package struct StoredFile: Equatable, Sendable {
  /// Below the root.
  package let path: String
  package let bytes: Int64
  /// Of the content, 64 lower-case hexadecimal digits.
  package let sha256: String

  /// - Parameters: as the properties.
  package init(path: String, bytes: Int64, sha256: String) {
    self.path = path
    self.bytes = bytes
    self.sha256 = sha256
  }

  /// Reads all of a file.
  ///
  /// - Parameters:
  ///   - path: below the root.
  ///   - absolute: where it lies.
  init(path: String, at absolute: String) throws(ArtifactError) {
    let descriptor = open(absolute, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ArtifactError(errno, path: path) }
    defer { close(descriptor) }
    var hash = SHA256()
    var bytes: Int64 = 0
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw ArtifactError(errno, path: path)
      }
      if count == 0 { break }
      buffer.withUnsafeBytes { hash.update(bufferPointer: .init(rebasing: $0[..<count])) }
      bytes += Int64(count)
    }
    self.init(path: path, bytes: bytes, sha256: hash.finalize().hexadecimal)
  }
}

extension ArtifactError {
  /// Translates a code of the system's.
  init(_ code: Int32, path: String) {
    switch code {
    case ENOENT, ENOTDIR: self = .notFound(path)
    case ENOSPC, EDQUOT, EFBIG: self = .diskFull(path)
    default: self = .unavailable(path: path, reason: String(cString: strerror(code)))
    }
  }
}

extension SHA256.Digest {
  /// 64 lower-case digits.
  var hexadecimal: String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in self { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
    return String(decoding: text, as: UTF8.self)
  }
}
