/// A job as it is submitted.
package struct NewJob: Equatable, Sendable {
  /// Made by the submitter, so that the jobs of a pipeline can name each other.
  package var id: JobID
  package var kind: JobKind
  /// For a person; may be empty.
  package var name: String
  /// Higher goes first.
  package var priority: Int
  /// Labels to filter by.
  package var tags: [String: String]
  /// What is to be done, validated before; never holds a secret.
  package var spec: JSONValue
  /// What the job waits for while it runs.
  package var slot: JobSlot
  /// How often it may fail before it is given up, 1 or more.
  package var maxAttempts: Int
  /// Jobs that must have succeeded before.
  package var after: [JobID]

  /// - Parameters: as the properties.
  package init(
    id: JobID, kind: JobKind, name: String = "", priority: Int = 0, tags: [String: String] = [:],
    spec: JSONValue = [:], slot: JobSlot = .compute, maxAttempts: Int = 1, after: [JobID] = []
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.priority = priority
    self.tags = tags
    self.spec = spec
    self.slot = slot
    self.maxAttempts = maxAttempts
    self.after = after
  }
}
