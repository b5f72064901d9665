// Where files live that jobs leave: reports, checkpoints, shards.
//
// A file appears under its name whole or not at all: it is written aside, made durable, renamed,
// and the folder made durable. Paths are relative and cannot lead out of the root. There is always
// a local root, in which jobs work; with a remote behind it, what is finished is copied there, and
// what is missing here is fetched from there.

/// A place for files.
package protocol ArtifactStore: Sendable {
  /// The local folder below which jobs work, absolute.
  var root: String { get }

  /// Writes a file.
  ///
  /// - Parameter path: below the root; an older file there is replaced.
  func put(_ content: [UInt8], at path: String) throws(ArtifactError) -> StoredFile

  /// Moves a file that lies elsewhere on this machine to its place.
  ///
  /// - Parameters:
  ///   - file: any path on this machine; the file is gone from there afterwards.
  ///   - path: below the root; an older file there is replaced.
  func put(file: String, at path: String) throws(ArtifactError) -> StoredFile

  /// Takes over a file or a folder that a job has written whole, at its place below the root.
  ///
  /// - Returns: every file in it, ordered by path.
  func publish(_ path: String) throws(ArtifactError) -> [StoredFile]

  /// The absolute path of a file on this machine, to be read from.
  ///
  /// - Throws: `.notFound`.
  func localPath(of path: String) throws(ArtifactError) -> String

  /// Every file at or below a path, ordered by path; none when there is nothing.
  ///
  /// - Parameter prefix: a file or folder; empty for the root.
  func list(_ prefix: String) throws(ArtifactError) -> [ListedFile]

  /// Deletes a file, or a folder with all in it. What is not there is fine.
  func delete(_ path: String) throws(ArtifactError)

  /// Room that is left, in bytes; nil where nobody says.
  func freeBytes() throws(ArtifactError) -> Int64?
}

extension ArtifactStore {
  /// Reads a file and compares it with what it was.
  ///
  /// - Parameters:
  ///   - bytes: the size that it had.
  ///   - sha256: 64 lower-case hexadecimal digits.
  /// - Throws: `.notFound`, `.changed`, `.unavailable`.
  package func verify(_ path: String, bytes: Int64, sha256: String) throws(ArtifactError) {
    let found = try StoredFile(path: path, at: try localPath(of: path))
    guard found.bytes == bytes else {
      throw .changed(path: path, found: "\(found.bytes) bytes", expected: "\(bytes) bytes")
    }
    guard found.sha256 == sha256 else {
      throw .changed(path: path, found: found.sha256, expected: sha256)
    }
  }
}

/// A file as it is listed.
package struct ListedFile: Equatable, Sendable {
  /// Below the root.
  package let path: String
  package let bytes: Int64

  /// - Parameters: as the properties.
  package init(path: String, bytes: Int64) {
    self.path = path
    self.bytes = bytes
  }
}

/// What can go wrong with files.
package enum ArtifactError: Error, Equatable, Sendable {
  /// The path is not one that this store takes.
  case badPath(String, reason: String)
  case notFound(String)
  /// The file is not what it was.
  case changed(path: String, found: String, expected: String)
  /// No room is left. What was there before is still there.
  case diskFull(String)
  /// The disk failed, or a folder may not be written.
  case unavailable(path: String, reason: String)
  /// rclone failed, or is not installed.
  case remoteFailed(String)
}
