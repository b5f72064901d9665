internal import Foundation

/// Files on a remote that rclone reaches, with a local folder in front of it.
///
/// Jobs work in the local folder. What is finished is copied to the remote before anybody hears of
/// it; what is asked for and not here is fetched. A file that is here is taken for the remote's, as
/// files do not change under their names.
package struct RcloneArtifactStore: ArtifactStore {
  private let local: LocalArtifactStore
  private let remote: String
  private let program: String

  /// - Parameters:
  ///   - remote: as rclone writes it, `NAME:` or `NAME:FOLDER`, from rclone's own configuration.
  ///   - root: the local folder; made when it is not there.
  ///   - program: rclone's name or path.
  /// - Throws: `.remoteFailed` when rclone is not there, or does not know the remote.
  package init(
    remote: String, root: String, program: String = "rclone"
  ) throws(ArtifactError) {
    guard remote.contains(":"), !remote.hasPrefix("-") else {
      throw .remoteFailed("the remote '\(remote)' is not of the form NAME: or NAME:FOLDER")
    }
    local = try LocalArtifactStore(root: root)
    self.remote = remote.hasSuffix(":") || remote.hasSuffix("/") ? remote : remote + "/"
    self.program = program
    _ = try run(["mkdir", self.remote])
  }

  package var root: String { local.root }

  package func put(_ content: [UInt8], at path: String) throws(ArtifactError) -> StoredFile {
    let stored = try local.put(content, at: path)
    try upload(path)
    return stored
  }

  package func put(file: String, at path: String) throws(ArtifactError) -> StoredFile {
    let stored = try local.put(file: file, at: path)
    try upload(path)
    return stored
  }

  package func publish(_ path: String) throws(ArtifactError) -> [StoredFile] {
    let stored = try local.publish(path)
    for file in stored { try upload(file.path) }
    return stored
  }

  package func localPath(of path: String) throws(ArtifactError) -> String {
    do throws(ArtifactError) {
      return try local.localPath(of: path)
    } catch {
      guard error == .notFound(path) else { throw error }
    }
    guard try list(path).contains(where: { $0.path == path }) else { throw .notFound(path) }
    let absolute = try local.place(for: path)
    let aside = LocalArtifactStore.aside(absolute)
    do throws(ArtifactError) {
      _ = try run(["copyto", remote + path, aside])
      try DurableFile.synchronize(aside, path: path)
      _ = try DurableFile.move(aside, to: absolute, path: path)
    } catch {
      DurableFile.discard(aside)
      throw error
    }
    return absolute
  }

  package func list(_ prefix: String) throws(ArtifactError) -> [ListedFile] {
    struct Entry: Decodable {
      let Path: String
      let Size: Int64
    }
    let prefix = try ArtifactPath(prefix).text
    let output: Data
    do throws(ArtifactError) {
      output = try run(["lsjson", "--recursive", "--files-only", remote + prefix])
    } catch {
      if case .remoteFailed(let reason) = error, reason.contains("not found") { return [] }
      throw error
    }
    guard let entries = try? JSONDecoder().decode([Entry].self, from: output) else {
      throw .remoteFailed("rclone's list is not of the form that is expected")
    }
    return entries.map { entry in
      // Asked for a file, rclone lists it by its last component.
      let isFile = entries.count == 1 && prefix.split(separator: "/").last ?? "" == entry.Path
      let path = prefix.isEmpty ? entry.Path : isFile ? prefix : prefix + "/" + entry.Path
      return ListedFile(path: path, bytes: entry.Size)
    }.sorted { $0.path < $1.path }
  }

  package func delete(_ path: String) throws(ArtifactError) {
    for file in try list(path) { _ = try run(["deletefile", remote + file.path]) }
    try local.delete(path)
  }

  /// Room on the remote, or on this machine where that is less.
  package func freeBytes() throws(ArtifactError) -> Int64? {
    struct About: Decodable {
      let free: Int64?
    }
    let here = try local.freeBytes()
    // Many remotes cannot say.
    guard let output = try? run(["about", "--json", remote]),
      let there = (try? JSONDecoder().decode(About.self, from: output))?.free
    else { return here }
    return here.map { min($0, there) } ?? there
  }

  private func upload(_ path: String) throws(ArtifactError) {
    _ = try run(["copyto", "--ignore-times", root + "/" + path, remote + path])
  }

  /// Runs rclone and waits for it.
  ///
  /// - Returns: what it wrote on standard output.
  private func run(_ arguments: [String]) throws(ArtifactError) -> Data {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [program] + arguments + ["--retries", "3", "--log-level", "ERROR"]
    let output = Pipe()
    let faults = FileManager.default.temporaryDirectory
      .appendingPathComponent("rclone-\(UUID().uuidString)")
    // Into a file: two pipes that are read one after the other can block each other.
    _ = FileManager.default.createFile(atPath: faults.path, contents: nil)
    defer { try? FileManager.default.removeItem(at: faults) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    let content: Data
    do {
      process.standardError = try FileHandle(forWritingTo: faults)
      try process.run()
      content = try output.fileHandleForReading.readToEnd() ?? Data()
    } catch {
      throw .remoteFailed("rclone cannot be started")
    }
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      if process.terminationStatus == 127 { throw .remoteFailed("rclone is not installed") }
      let text = (try? String(contentsOf: faults, encoding: .utf8)) ?? ""
      let line = text.split(separator: "\n").last.map(String.init) ?? "no reason given"
      throw .remoteFailed("rclone \(arguments[0]): \(line)")
    }
    return content
  }
}
