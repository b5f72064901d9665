internal import Foundation

/// A path below the store's root that cannot lead out of it.
struct ArtifactPath: Equatable, Sendable {
  /// Components joined by `/`; empty for the root.
  let text: String

  private static let componentBytesMax = 255
  private static let bytesMax = 1024

  /// - Parameter path: relative, with components that are not empty, `.` or `..`, and without
  ///   control characters and backslashes. Empty means the root.
  /// - Throws: `.badPath` with the reason.
  init(_ path: String) throws(ArtifactError) {
    func refuse(_ reason: String) -> ArtifactError { .badPath(path, reason: reason) }
    guard path.utf8.count <= Self.bytesMax else {
      throw refuse("it is longer than \(Self.bytesMax) bytes")
    }
    guard path.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else {
      throw refuse("it holds a control character or a backslash")
    }
    if !path.isEmpty {
      for component in path.split(separator: "/", omittingEmptySubsequences: false) {
        guard !component.isEmpty else { throw refuse("it is absolute or has an empty component") }
        guard component != ".", component != ".." else { throw refuse("it goes up or stays") }
        guard component.utf8.count <= Self.componentBytesMax else {
          throw refuse("a component is longer than \(Self.componentBytesMax) bytes")
        }
        guard !component.hasSuffix(partSuffix) else {
          throw refuse("names that end in \(partSuffix) are for files that are being written")
        }
      }
    }
    text = path
  }

  /// The absolute path, after symbolic links in what exists of it were followed.
  ///
  /// - Parameter root: absolute, without symbolic links.
  /// - Throws: `.badPath` when a link leads out of the root.
  func resolved(below root: String) throws(ArtifactError) -> String {
    if text.isEmpty { return root }
    let full = root + "/" + text
    var existing = full
    while !FileManager.default.fileExists(atPath: existing), existing.count > root.count {
      existing = (existing as NSString).deletingLastPathComponent
    }
    let real = URL(fileURLWithPath: existing).resolvingSymlinksInPath().path
    guard real == root || real.hasPrefix(root + "/") else {
      throw .badPath(text, reason: "a link leads out of the root")
    }
    return full
  }
}

/// How the names of files end that are being written.
let partSuffix = ".part"
