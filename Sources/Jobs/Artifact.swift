/// A file that a job left, whole and under its final name.
package struct Artifact: Equatable, Sendable {
  /// Unique within the job; may hold `/`.
  package var name: String
  /// Path below the artifact store's root.
  package var path: String
  /// Size in bytes.
  package var bytes: Int64
  /// SHA-256 of the content, 64 lower-case hexadecimal digits.
  package var sha256: String
  /// `application/json`, `text/html` and so on.
  package var mediaType: String
  package var createdAt: Timestamp

  /// - Parameters: as the properties.
  package init(
    name: String, path: String, bytes: Int64, sha256: String,
    mediaType: String = "application/octet-stream", createdAt: Timestamp
  ) {
    self.name = name
    self.path = path
    self.bytes = bytes
    self.sha256 = sha256
    self.mediaType = mediaType
    self.createdAt = createdAt
  }

  /// `{"name", "path", "bytes", "sha256", "media_type", "created_at"}`.
  package var json: JSONValue {
    [
      "name": .string(name), "path": .string(path), "bytes": .int(bytes),
      "sha256": .string(sha256), "media_type": .string(mediaType),
      "created_at": .string(createdAt.rfc3339),
    ]
  }
}
