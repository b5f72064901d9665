package import Foundation
internal import Jobs

/// Which files of this machine a spec may name.
package struct ReadablePaths: Sendable {
  /// Relative paths start here.
  package let base: String
  /// Folders that paths must lie in; empty allows any.
  package let roots: [String]

  package init(base: String, roots: [String]) {
    self.base = base
    self.roots = roots
  }

  /// The file that `path` names, with links followed.
  ///
  /// - Throws: `Problem` when it is not there, not a file, or outside the allowed folders.
  package func resolve(_ path: String) throws -> URL { try resolve(path, isFolder: false) }

  /// The same for a folder.
  package func resolve(folder path: String) throws -> URL { try resolve(path, isFolder: true) }

  /// The same for a file or a folder.
  package func resolve(fileOrFolder path: String) throws -> URL { try resolve(path, isFolder: nil) }

  private func resolve(_ path: String, isFolder: Bool?) throws -> URL {
    let url = URL(fileURLWithPath: path, relativeTo: URL(fileURLWithPath: base, isDirectory: true))
      .standardizedFileURL.resolvingSymlinksInPath()
    func refused(_ reason: String) -> Problem {
      Problem(
        type: "urn:bitnet:problem:unreadable-path", title: "A file cannot be read",
        detail: "\(path): \(reason)")
    }
    if !roots.isEmpty {
      let isInside = roots.contains { root in
        let folder = URL(fileURLWithPath: root).standardizedFileURL.resolvingSymlinksInPath().path
        return url.path == folder || url.path.hasPrefix(folder + "/")
      }
      guard isInside else { throw refused("outside the folders that CORPUS_ROOTS allows") }
    }
    var foundFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &foundFolder) else {
      throw refused("there is no such file on the daemon's machine")
    }
    if let isFolder, isFolder != foundFolder.boolValue {
      throw refused(isFolder ? "a file; expected a folder" : "a folder; expected a file")
    }
    return url
  }
}
