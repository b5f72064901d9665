/// Everything that is known about one job.
package struct Job: Equatable, Sendable {
  package var id: JobID
  package var kind: JobKind
  /// For a person; may be empty.
  package var name: String
  package var state: JobState
  /// Higher goes first; 0 unless said.
  package var priority: Int
  /// Labels to filter by.
  package var tags: [String: String]
  /// What is to be done, by kind; never holds a secret.
  package var spec: JSONValue
  /// What the job waits for while it runs.
  package var slot: JobSlot
  /// How often it may fail before it is given up, 1 or more.
  package var maxAttempts: Int
  /// Jobs that must have succeeded before.
  package var after: [JobID]
  /// How far it has come; nil before the first word from a worker.
  package var progress: Progress?
  /// What came out, by kind; nil unless succeeded.
  package var result: JSONValue?
  /// Why it failed or was cancelled, or why the attempt before was not the last.
  package var problem: Problem?
  /// The job's own health, as its runner last said it.
  package var health: JSONValue?
  /// Files that it left, by name.
  package var artifacts: [Artifact]
  package var createdAt: Timestamp
  /// When it last became ready to be claimed.
  package var queuedAt: Timestamp?
  /// When it was last claimed.
  package var startedAt: Timestamp?
  package var finishedAt: Timestamp?
  /// It is not claimed before this moment (back-off); nil for at once.
  package var notBefore: Timestamp?
  /// The checkpoint or shard that this attempt goes on from; nil when from the start.
  package var resumedFrom: String?
  /// The last checkpoint or shard that a worker recorded; the next attempt goes on from it.
  package var checkpoint: String?
  /// Number of the job's last event. It rises with every change of what this value shows.
  package var version: Int64

  /// - Parameters: as the properties.
  package init(
    id: JobID, kind: JobKind, name: String, state: JobState, priority: Int = 0,
    tags: [String: String] = [:], spec: JSONValue, slot: JobSlot = .compute, maxAttempts: Int = 1,
    after: [JobID] = [], progress: Progress? = nil, result: JSONValue? = nil,
    problem: Problem? = nil, health: JSONValue? = nil, artifacts: [Artifact] = [],
    createdAt: Timestamp, queuedAt: Timestamp? = nil, startedAt: Timestamp? = nil,
    finishedAt: Timestamp? = nil, notBefore: Timestamp? = nil, resumedFrom: String? = nil,
    checkpoint: String? = nil, version: Int64 = 1
  ) {
    self.id = id
    self.kind = kind
    self.name = name
    self.state = state
    self.priority = priority
    self.tags = tags
    self.spec = spec
    self.slot = slot
    self.maxAttempts = maxAttempts
    self.after = after
    self.progress = progress
    self.result = result
    self.problem = problem
    self.health = health
    self.artifacts = artifacts
    self.createdAt = createdAt
    self.queuedAt = queuedAt
    self.startedAt = startedAt
    self.finishedAt = finishedAt
    self.notBefore = notBefore
    self.resumedFrom = resumedFrom
    self.checkpoint = checkpoint
    self.version = version
  }
}
