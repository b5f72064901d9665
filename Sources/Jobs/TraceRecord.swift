/// A set of traces: what a teacher said about a corpus, in shards.
package struct TraceRecord: Equatable, Sendable {
  package var id: TraceID
  /// The job that collected it; nil when imported, or when the job was deleted.
  package var jobID: JobID?
  /// For a person; may be empty.
  package var name: String
  /// Path of the folder with the shards, below the artifact store's root.
  package var path: String
  /// The shards' metadata: teacher, tokenizer, sampling, projection, K, seed.
  package var metadata: JSONValue
  /// Whether all of the corpus is there.
  package var isComplete: Bool
  package var createdAt: Timestamp
  /// Sums over the shards, kept by the store; what is given here when a set is added counts for
  /// nothing.
  package var totals: Totals

  /// What the shards add up to.
  package struct Totals: Equatable, Sendable {
    package var shardCount: Int64
    package var sequenceCount: Int64
    /// One row a position.
    package var rowCount: Int64
    package var bytes: Int64

    /// - Parameters: as the properties.
    package init(
      shardCount: Int64 = 0, sequenceCount: Int64 = 0, rowCount: Int64 = 0, bytes: Int64 = 0
    ) {
      self.shardCount = shardCount
      self.sequenceCount = sequenceCount
      self.rowCount = rowCount
      self.bytes = bytes
    }
  }

  /// - Parameters: as the properties.
  package init(
    id: TraceID, jobID: JobID? = nil, name: String, path: String, metadata: JSONValue,
    isComplete: Bool = false, createdAt: Timestamp, totals: Totals = Totals()
  ) {
    self.id = id
    self.jobID = jobID
    self.name = name
    self.path = path
    self.metadata = metadata
    self.isComplete = isComplete
    self.createdAt = createdAt
    self.totals = totals
  }
}

/// One Parquet file of a set of traces, whole and under its final name.
package struct TraceShardRecord: Equatable, Sendable {
  package var traceID: TraceID
  /// 0, 1, 2, … within the set.
  package var number: Int
  /// Path below the artifact store's root.
  package var path: String
  package var bytes: Int64
  /// 64 lower-case hexadecimal digits.
  package var sha256: String
  /// Where its sequences lie.
  package var sequences: [TraceSequenceRows]
  /// For the quality report.
  package var statistics: JSONValue

  /// - Parameters: as the properties.
  package init(
    traceID: TraceID, number: Int, path: String, bytes: Int64, sha256: String,
    sequences: [TraceSequenceRows], statistics: JSONValue = [:]
  ) {
    self.traceID = traceID
    self.number = number
    self.path = path
    self.bytes = bytes
    self.sha256 = sha256
    self.sequences = sequences
    self.statistics = statistics
  }
}

/// Where one sequence lies in its shard.
package struct TraceSequenceRows: Equatable, Sendable {
  /// The sequence's number within the set.
  package var sequence: Int64
  /// Row of its first position within the shard.
  package var firstRow: Int64
  /// Its positions.
  package var rowCount: Int64

  /// - Parameters: as the properties.
  package init(sequence: Int64, firstRow: Int64, rowCount: Int64) {
    self.sequence = sequence
    self.firstRow = firstRow
    self.rowCount = rowCount
  }
}

/// Where one sequence lies in its set.
package struct TraceLocation: Equatable, Sendable {
  /// Number of the shard within the set.
  package var shard: Int
  /// Path of the shard below the artifact store's root.
  package var path: String
  package var rows: TraceSequenceRows

  /// - Parameters: as the properties.
  package init(shard: Int, path: String, rows: TraceSequenceRows) {
    self.shard = shard
    self.path = path
    self.rows = rows
  }
}
