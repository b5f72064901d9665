// How a checkpoint gets to the disk, and how damage is found.
//
// A checkpoint is a flat folder of regular files with a SHA256SUMS. It is written under a name that
// starts with `.unfinished-`, each file is flushed, then the folder, then it is renamed, then its
// parent is flushed. Therefore:
//
//   - a folder under its final name is whole, whatever died on the way (RELIABILITY, promise 5);
//   - a failed write leaves the checkpoints that were there before as they were;
//   - a bit that changes later is found by `verify`, which names the file.
//
// Source: RECIPE §9.

package import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Folders of files that appear whole or not at all, and can be checked.
package enum CheckpointDirectory {
  /// Lets `body` write files into a fresh folder, which then becomes `final`.
  ///
  /// A checkpoint that already is there is replaced.
  ///
  /// - Parameters:
  ///   - final: where the checkpoint appears; its parent must exist.
  ///   - body: writes plain files into the folder that it is given, no folders.
  /// - Throws: what `body` throws, or `FileError`; then nothing has changed at `final`.
  package static func write(at final: URL, body: (URL) throws -> Void) throws {
    let aside = URL(fileURLWithPath: AtomicFile.asidePath(for: final), isDirectory: true)
    do {
      try FileFailpoint.pass(.create, aside.path)
      guard mkdir(aside.path, 0o755) == 0 else {
        throw FileError(.create, path: aside.path, code: errno)
      }
      try body(aside)
      try writeSums(in: aside)
      try DurableFile.syncFolder(aside.path)
      try replace(final, with: aside)
    } catch {
      try? FileManager.default.removeItem(at: aside)
      throw error
    }
    try DurableFile.syncFolder(final.deletingLastPathComponent().path)
  }

  /// Compares every file with the sums that were written with it.
  ///
  /// - Throws: `.damaged` with every difference, or why the comparison cannot be made.
  package static func verify(at folder: URL) throws(CheckpointError) {
    do throws(CheckpointError.Problem) {
      let names = try names(in: folder)
      guard names.contains(ChecksumList.fileName) else { throw .noSums }
      let sumsURL = folder.appendingPathComponent(ChecksumList.fileName)
      guard let data = try? Data(contentsOf: sumsURL) else { throw .unreadable(sumsURL.path) }
      guard let text = String(validating: data, as: UTF8.self) else {
        throw .malformedSums(line: 1)
      }
      let sums = try ChecksumList(parsing: text)
      let differences = try differences(of: names, in: folder, from: sums)
      guard differences.isEmpty else { throw .damaged(differences) }
    } catch {
      throw CheckpointError(path: folder.path, problem: error)
    }
  }

  /// Removes old checkpoints of `folder`, those whose names are `prefix` and a number.
  ///
  /// A folder is renamed before it is emptied, so that none is ever seen half removed.
  ///
  /// - Parameters:
  ///   - keepLast: how many of the highest numbers stay; at least 2 stay, because the newest may
  ///     turn out damaged.
  ///   - keep: further names that stay, such as the best checkpoint's.
  package static func prune(
    in folder: URL, prefix: String, keepLast: Int, keep: Set<String> = []
  ) throws {
    let names = try numberedNames(in: folder, prefix: prefix)
    for name in names.dropLast(max(2, keepLast)) where !keep.contains(name) {
      let url = folder.appendingPathComponent(name)
      let doomed = AtomicFile.asidePath(for: url)
      try DurableFile.rename(url.path, to: doomed)
      try DurableFile.syncFolder(folder.path)
      try FileFailpoint.pass(.remove, doomed)
      try FileManager.default.removeItem(atPath: doomed)
    }
  }

  /// The checkpoint with the highest number that is whole, and what is wrong with higher ones.
  package static func newestWhole(
    in folder: URL, prefix: String
  ) throws -> (whole: URL?, damaged: [CheckpointError]) {
    var damaged: [CheckpointError] = []
    for name in try numberedNames(in: folder, prefix: prefix).reversed() {
      let url = folder.appendingPathComponent(name)
      do throws(CheckpointError) {
        try verify(at: url)
        return (url, damaged)
      } catch {
        damaged.append(error)
      }
    }
    return (nil, damaged)
  }

  private static func numberedNames(in folder: URL, prefix: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path)
      .compactMap { name -> (number: UInt64, name: String)? in
        guard name.hasPrefix(prefix) else { return nil }
        return UInt64(name.dropFirst(prefix.count)).map { ($0, name) }
      }
      .sorted { ($0.number, $0.name) < ($1.number, $1.name) }
      .map(\.name)
  }

  private static func names(in folder: URL) throws(CheckpointError.Problem) -> Set<String> {
    do {
      return Set(try FileManager.default.contentsOfDirectory(atPath: folder.path))
    } catch {
      throw .unreadable(error.localizedDescription)
    }
  }

  private static func differences(
    of names: Set<String>, in folder: URL, from sums: ChecksumList
  ) throws(CheckpointError.Problem) -> [CheckpointError.Difference] {
    var differences: [CheckpointError.Difference] = []
    for (name, expected) in sums.digests.sorted(by: { $0.key < $1.key }) {
      guard names.contains(name) else {
        differences.append(.missing(name))
        continue
      }
      do throws(FileError) {
        let found = try ChecksumList.digest(ofFile: folder.appendingPathComponent(name).path)
        if found != expected {
          differences.append(.altered(name, expected: expected, found: found))
        }
      } catch {
        throw .unreadable(error.description)
      }
    }
    let unlisted = names.subtracting(sums.digests.keys).subtracting([ChecksumList.fileName])
    return differences + unlisted.sorted().map { .unlisted($0) }
  }

  private static func writeSums(in folder: URL) throws {
    var digests: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      let path = folder.appendingPathComponent(name).path
      try DurableFile.sync(existing: path)
      digests[name] = try ChecksumList.digest(ofFile: path)
    }
    let sums = Data(ChecksumList(digests: digests).text.utf8)
    try AtomicFile.write(sums, to: folder.appendingPathComponent(ChecksumList.fileName))
  }

  /// Gives `aside` its final name; a folder of that name steps aside first, and back on failure.
  ///
  /// A crash between the two renames loses the older folder only, and only where a newer one of
  /// the same name was complete.
  private static func replace(_ final: URL, with aside: URL) throws(FileError) {
    guard access(final.path, F_OK) == 0 else {
      return try DurableFile.rename(aside.path, to: final.path)
    }
    let older = AtomicFile.asidePath(for: final)
    try DurableFile.rename(final.path, to: older)
    do throws(FileError) {
      try DurableFile.rename(aside.path, to: final.path)
    } catch {
      rename(older, final.path)
      throw error
    }
    try? FileManager.default.removeItem(atPath: older)
  }
}
