/// A model that this server knows: trained by a job, or imported.
package struct ModelRecord: Equatable, Sendable {
  package var id: ModelID
  /// The job that made it; nil when imported, or when the job was deleted.
  package var jobID: JobID?
  /// For a person; may be empty.
  package var name: String
  /// `checkpoint` for the project's checkpoint directory, else the name of the imported format.
  package var format: String
  /// Path of the directory, below the artifact store's root or absolute when imported in place.
  package var path: String
  /// The model's `config.json`.
  package var configuration: JSONValue
  package var parameterCount: Int64
  /// Size on disk in bytes.
  package var bytes: Int64
  /// Tells models apart that differ in any weight: a SHA-256, 64 lower-case hexadecimal digits.
  package var fingerprint: String
  package var createdAt: Timestamp

  /// - Parameters: as the properties.
  package init(
    id: ModelID, jobID: JobID? = nil, name: String, format: String = "checkpoint", path: String,
    configuration: JSONValue, parameterCount: Int64, bytes: Int64, fingerprint: String,
    createdAt: Timestamp
  ) {
    self.id = id
    self.jobID = jobID
    self.name = name
    self.format = format
    self.path = path
    self.configuration = configuration
    self.parameterCount = parameterCount
    self.bytes = bytes
    self.fingerprint = fingerprint
    self.createdAt = createdAt
  }
}
