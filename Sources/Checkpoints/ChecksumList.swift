package import Crypto
package import Foundation

/// The lines of a `SHA256SUMS` file, as `sha256sum` writes and checks them.
package struct ChecksumList: Equatable, Sendable {
  /// Its name in a folder.
  package static let fileName = "SHA256SUMS"
  /// SHA-256 in lower-case hexadecimal digits, by file name.
  package var digests: [String: String]

  /// A list of `digests`.
  package init(digests: [String: String]) { self.digests = digests }

  /// Parses the text of a `SHA256SUMS` file.
  ///
  /// - Throws: `.malformedSums` with the first line that is not a sum of a plain file name, or
  ///   that names a file again.
  package init(parsing text: String) throws(CheckpointError.Problem) {
    digests = [:]
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.last == "" else { throw .malformedSums(line: lines.count) }
    lines.removeLast()
    for (index, line) in lines.enumerated() {
      let digest = String(line.prefix(64))
      let name = String(line.dropFirst(66))
      guard digest.utf8.count == 64,
        digest.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }),
        line.dropFirst(64).prefix(2) == "  ", !name.isEmpty, !name.contains("/"),
        name != ".", name != "..", digests.updateValue(digest, forKey: name) == nil
      else { throw .malformedSums(line: index + 1) }
    }
  }

  /// The text of the file, sorted by name.
  package var text: String {
    digests.sorted { $0.key < $1.key }.map { "\($1)  \($0)\n" }.joined()
  }

  /// The SHA-256 of a file, in lower-case hexadecimal digits.
  package static func digest(ofFile path: String) throws(FileError) -> String {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    return digest(of: file.bytes)
  }

  /// The SHA-256 of bytes in memory, in lower-case hexadecimal digits.
  package static func digest(of data: Data) -> String {
    hexadecimal(SHA256.hash(data: data))
  }

  /// The SHA-256 of bytes in memory, in lower-case hexadecimal digits.
  package static func digest(of bytes: UnsafeRawBufferPointer) -> String {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hexadecimal(hash.finalize())
  }

  /// A digest in lower-case hexadecimal digits.
  package static func hexadecimal(_ digest: SHA256.Digest) -> String {
    func digit(_ value: UInt8) -> UInt8 {
      value + (value < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10)
    }
    return String(unsafeUninitializedCapacity: 2 * SHA256.Digest.byteCount) { text in
      var count = 0
      for byte in digest {
        text[count] = digit(byte >> 4)
        text[count + 1] = digit(byte & 15)
        count += 2
      }
      return count
    }
  }
}
