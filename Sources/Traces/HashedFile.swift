import Checkpoints
import Crypto
import Foundation

/// A file that is written aside, with the sum of its bytes; a class, so that the function that a
/// Parquet writer stores bytes with can hold it.
final class HashedFile {
  private var unfinished: UnfinishedFile?
  private var hash = SHA256()

  /// Starts a file that will appear as `url`.
  init(for url: URL) throws(FileError) { unfinished = try UnfinishedFile(for: url) }

  /// Adds bytes.
  func store(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    hash.update(bufferPointer: bytes)
    try unfinished?.file.write(bytes)
  }

  /// Flushes the file and lets it appear; once.
  func finish() throws(FileError) -> (bytes: Int, sha256: String) {
    guard let file = unfinished.take() else { preconditionFailure("finished once") }
    let bytes = file.file.byteCount
    try file.finish()
    return (bytes, ChecksumList.hexadecimal(hash.finalize()))
  }
}
