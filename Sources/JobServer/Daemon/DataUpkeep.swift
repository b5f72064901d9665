internal import Checkpoints
internal import Foundation
internal import JobStore
internal import Jobs

/// What `bitnetd backup` and `bitnetd check` do; the folder's lock keeps a running daemon out.
package struct DataUpkeep {
  /// What DRIVE_ROOT says, or its default.
  package static var defaultFolder: String {
    let set = ProcessInfo.processInfo.environment["DRIVE_ROOT"] ?? ""
    return set.isEmpty ? Setting.server.first { $0.name == "DRIVE_ROOT" }?.fallback ?? "" : set
  }

  private let folder: DataFolder

  package init(dataFolder: String) {
    folder = DataFolder(root: dataFolder)
  }

  /// Copies the database and opens the copy to verify it.
  ///
  /// - Returns: its bytes.
  /// - Throws: `DaemonError`.
  package func backUp(to path: String) throws -> Int64 {
    guard !FileManager.default.fileExists(atPath: path) else {
      throw DaemonError("\(path) exists; a backup never replaces a file", exitStatus: 64)
    }
    try withStore { store throws(StoreError) in
      try store.backup(to: path)
    }
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.size] as? Int64 ?? 0
  }

  /// Everything that is wrong, a line each; empty when all is well.
  ///
  /// - Throws: `DaemonError` when the database cannot be opened at all.
  package func check() throws -> [String] {
    var problems: [String] = []
    try withStore { store throws(StoreError) in
      problems = store.check()
      var last: (JobID, String)?
      while true {
        let page = try store.artifacts(after: last, limit: 500)
        guard let end = page.last else { break }
        for (job, artifact) in page {
          if let problem = problem(with: artifact) {
            problems.append("\(job.text), \(artifact.name): \(problem)")
          }
        }
        last = (end.0, end.1.name)
      }
    }
    return problems
  }

  private func problem(with artifact: Artifact) -> String? {
    let path = folder.url(artifact.path).path
    guard FileManager.default.fileExists(atPath: path) else { return "\(path) is missing" }
    guard let digest = try? ChecksumList.digest(ofFile: path) else {
      return "\(path) cannot be read"
    }
    return digest == artifact.sha256
      ? nil : "\(path) has SHA-256 \(digest), \(artifact.sha256) was recorded"
  }

  private func withStore(_ body: (JobStore) throws(StoreError) -> Void) throws {
    guard
      FileManager.default.fileExists(atPath: folder.root + "/" + JobStore.databaseName)
    else {
      throw DaemonError("there is no database in \(folder.root)", exitStatus: 74)
    }
    do throws(StoreError) {
      let store = try JobStore(folder: folder.root, boot: BootID.make(at: .now()))
      defer { store.close() }
      try body(store)
    } catch {
      throw DaemonError(error, folder: folder.root)
    }
  }
}
