internal import Foundation
internal import Synchronization

/// Files in a folder of this machine.
package struct LocalArtifactStore: ArtifactStore {
  package let root: String

  /// - Parameter root: made when it is not there.
  /// - Throws: `.unavailable`.
  package init(root: String) throws(ArtifactError) {
    do {
      try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    } catch {
      throw .unavailable(path: root, reason: "the folder cannot be made")
    }
    self.root = URL(fileURLWithPath: root).resolvingSymlinksInPath().path
  }

  package func put(_ content: [UInt8], at path: String) throws(ArtifactError) -> StoredFile {
    let absolute = try place(for: path)
    let aside = Self.aside(absolute)
    do throws(ArtifactError) {
      try DurableFile.write(content, to: aside, path: path)
      // Aside and name are in one folder, hence on one file system.
      _ = try DurableFile.move(aside, to: absolute, path: path)
    } catch {
      DurableFile.discard(aside)
      throw error
    }
    return try StoredFile(path: path, at: absolute)
  }

  package func put(file: String, at path: String) throws(ArtifactError) -> StoredFile {
    let absolute = try place(for: path)
    try DurableFile.synchronize(file, path: path)
    let stored = try StoredFile(path: path, at: file)
    if try DurableFile.move(file, to: absolute, path: path) { return stored }
    let aside = Self.aside(absolute)
    do throws(ArtifactError) {
      try Self.copy(file, to: aside, path: path)
      _ = try DurableFile.move(aside, to: absolute, path: path)
    } catch {
      DurableFile.discard(aside)
      throw error
    }
    DurableFile.discard(file)
    return stored
  }

  package func publish(_ path: String) throws(ArtifactError) -> [StoredFile] {
    var stored: [StoredFile] = []
    for file in try list(path) {
      stored.append(try StoredFile(path: file.path, at: root + "/" + file.path))
    }
    if stored.isEmpty { throw .notFound(path) }
    return stored
  }

  package func localPath(of path: String) throws(ArtifactError) -> String {
    let absolute = try ArtifactPath(path).resolved(below: root)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: absolute, isDirectory: &isFolder),
      !isFolder.boolValue
    else { throw .notFound(path) }
    return absolute
  }

  package func list(_ prefix: String) throws(ArtifactError) -> [ListedFile] {
    let absolute = try ArtifactPath(prefix).resolved(below: root)
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: absolute, isDirectory: &isFolder) else {
      return []
    }
    guard isFolder.boolValue else { return Self.entry(prefix, at: absolute).map { [$0] } ?? [] }
    // The enumerator does not follow links to folders.
    guard let names = FileManager.default.enumerator(atPath: absolute) else {
      throw .unavailable(path: prefix, reason: "the folder cannot be read")
    }
    var files: [ListedFile] = []
    while let name = names.nextObject() as? String {
      if name.hasSuffix(partSuffix) { continue }
      let path = prefix.isEmpty ? name : prefix + "/" + name
      if let file = Self.entry(path, at: absolute + "/" + name) { files.append(file) }
    }
    return files.sorted { $0.path < $1.path }
  }

  package func delete(_ path: String) throws(ArtifactError) {
    let absolute = try ArtifactPath(path).resolved(below: root)
    guard absolute != root else { throw .badPath(path, reason: "the root is not to be deleted") }
    guard FileManager.default.fileExists(atPath: absolute) else { return }
    do {
      try FileManager.default.removeItem(atPath: absolute)
    } catch {
      throw .unavailable(path: path, reason: "it cannot be deleted")
    }
  }

  package func freeBytes() throws(ArtifactError) -> Int64? {
    try DurableFile.freeBytes(root)
  }

  /// Checks a path for a new file, and makes its folder.
  func place(for path: String) throws(ArtifactError) -> String {
    let absolute = try ArtifactPath(path).resolved(below: root)
    guard absolute != root else { throw .badPath(path, reason: "it names no file") }
    do {
      try FileManager.default.createDirectory(
        atPath: (absolute as NSString).deletingLastPathComponent,
        withIntermediateDirectories: true)
    } catch {
      throw .unavailable(path: path, reason: "its folder cannot be made")
    }
    return absolute
  }

  /// The name of a file until it is whole.
  static func aside(_ absolute: String) -> String {
    let number = lastAside.add(1, ordering: .relaxed).newValue
    return "\(absolute).\(ProcessInfo.processInfo.processIdentifier)-\(number)\(partSuffix)"
  }

  private static let lastAside = Atomic<Int>(0)

  private static func entry(_ path: String, at absolute: String) -> ListedFile? {
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: absolute),
      attributes[.type] as? FileAttributeType == .typeRegular,
      let bytes = attributes[.size] as? NSNumber
    else { return nil }
    return ListedFile(path: path, bytes: bytes.int64Value)
  }

  private static func copy(
    _ source: String, to aside: String, path: String
  ) throws(ArtifactError) {
    do {
      try FileManager.default.copyItem(atPath: source, toPath: aside)
    } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
      throw .diskFull(path)
    } catch {
      throw .unavailable(path: path, reason: "it cannot be copied")
    }
    try DurableFile.synchronize(aside, path: path)
  }
}
