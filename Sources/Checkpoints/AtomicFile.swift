package import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Files that appear whole or not at all.
///
/// A file is written aside, in the same folder under a name that starts with a dot, flushed,
/// renamed, and its folder is flushed. Whatever fails in between, the final name keeps what it had,
/// and the file aside is removed.
package enum AtomicFile {
  /// What the names of unfinished files and folders start with. After a crash such names may
  /// remain; `removeUnfinished(in:)` sweeps them.
  package static let unfinishedPrefix = ".unfinished-"

  /// Writes `data` under `url`, replacing what was there.
  package static func write(_ data: Data, to url: URL) throws(FileError) {
    try write(to: url) { file throws(FileError) in try file.write(Array(data)) }
  }

  /// Writes what `body` writes under `url`, replacing what was there.
  package static func write(
    to url: URL, body: (inout DurableFile) throws(FileError) -> Void
  ) throws(FileError) {
    var unfinished = try UnfinishedFile(for: url)
    try body(&unfinished.file)
    try unfinished.finish()
  }

  /// A fresh name beside `url` for a file or folder that is not finished yet.
  package static func asidePath(for url: URL) -> String {
    let unique = UUID().uuidString.prefix(13)
    let name = "\(unfinishedPrefix)\(url.lastPathComponent)-\(unique)"
    return url.deletingLastPathComponent().appendingPathComponent(name).path
  }

  /// Removes what a crashed writer left in `folder`.
  ///
  /// Call it only while nobody writes there, for instance when a job starts again.
  package static func removeUnfinished(in folder: URL) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    for name in names where name.hasPrefix(unfinishedPrefix) {
      try FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }
}

/// A file that will appear under its final name when it is finished, and is removed when it is not.
package struct UnfinishedFile: ~Copyable {
  /// The bytes so far.
  package var file: DurableFile
  private let final: URL
  private var isFinished = false

  /// Creates an empty file aside of `final`.
  package init(for final: URL) throws(FileError) {
    file = try DurableFile(creating: AtomicFile.asidePath(for: final))
    self.final = final
  }

  deinit {
    if !isFinished { unlink(file.path) }
  }

  /// Flushes the file and gives it its final name, replacing a file of that name.
  ///
  /// - Throws: then the final name is as it was, unless only the last step, flushing the folder,
  ///   has failed.
  package consuming func finish() throws(FileError) {
    try file.sync()
    try DurableFile.rename(file.path, to: final.path)
    isFinished = true
    try DurableFile.syncFolder(final.deletingLastPathComponent().path)
  }
}
