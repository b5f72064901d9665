package import Jobs

extension ModelRecord {
  /// A model as `GET /v1/models/{id}` answers it.
  package static let record = Record<ModelRecord>(
    "Model", "A model that this daemon knows.",
    [
      Member("id", Shape<ModelID>.modelID.schema, "Orders by the time it was made.") {
        .string($0.id.text)
      },
      Member("name", Wire.text, "For a person; may be empty.") { .string($0.name) },
      Member("job", Shape<JobID>.jobID.schema.orNull, "The job that made it, or null.") {
        $0.jobID.json { .string($0.text) }
      },
      Member("format", Wire.text, "checkpoint, or the imported format.") { .string($0.format) },
      Member("path", Wire.text, "Its folder on the daemon's machine.") { .string($0.path) },
      Member("config", Wire.object, "Its shape, as in Hugging Face's config.json.") {
        $0.configuration
      },
      Member("parameters", Wire.integer, "Their number.") { .int($0.parameterCount) },
      Member("bytes", Wire.integer, "Its size on disk.") { .int($0.bytes) },
      Member("fingerprint", Wire.text, "Differs with any weight.") { .string($0.fingerprint) },
      Member("created_at", Wire.time, "When it was made.") { .string($0.createdAt.rfc3339) },
    ])
}

extension TraceRecord {
  /// A set of traces as `GET /v1/traces/{id}` answers it.
  package static let record = Record<TraceRecord>(
    "Traces", "What a teacher said about a corpus.",
    [
      Member("id", Shape<TraceID>.traceID.schema, "Orders by the time it was begun.") {
        .string($0.id.text)
      },
      Member("name", Wire.text, "For a person; may be empty.") { .string($0.name) },
      Member("job", Shape<JobID>.jobID.schema.orNull, "The job that collects it, or null.") {
        $0.jobID.json { .string($0.text) }
      },
      Member("path", Wire.text, "Its folder on the daemon's machine.") { .string($0.path) },
      Member("metadata", Wire.object, "Teacher, tokenizer, sampling, K, seed.") { $0.metadata },
      Member("complete", Wire.boolean, "Whether all of the corpus is there.") {
        .bool($0.isComplete)
      },
      Member("shards", Wire.integer, "Parquet files.") { .int($0.totals.shardCount) },
      Member("sequences", Wire.integer, "Sequences in them.") { .int($0.totals.sequenceCount) },
      Member("rows", Wire.integer, "Rows in them, one a position.") { .int($0.totals.rowCount) },
      Member("bytes", Wire.integer, "Their size on disk.") { .int($0.totals.bytes) },
      Member("created_at", Wire.time, "When it was begun.") { .string($0.createdAt.rfc3339) },
    ])
}

/// One position of a trace, as a person looks at it.
package struct TraceRow: Equatable, Sendable {
  /// One candidate of the teacher.
  package struct Candidate: Equatable, Sendable {
    package var tokenID: Int32
    package var text: String
    /// Natural logarithm of its probability at temperature 1.
    package var logprob: Double

    /// - Parameters: as the properties.
    package init(tokenID: Int32, text: String, logprob: Double) {
      self.tokenID = tokenID
      self.text = text
      self.logprob = logprob
    }
  }

  package var sequence: Int64
  package var position: Int
  package var tokenID: Int32
  /// The token as text; bytes that are no UTF-8 are replaced.
  package var text: String
  /// In falling order.
  package var topK: [Candidate]
  /// Natural logarithm of the mass on all other tokens.
  package var otherLogprob: Double
  package var isInLoss: Bool
  package var isStructural: Bool

  /// - Parameters: as the properties.
  package init(
    sequence: Int64, position: Int, tokenID: Int32, text: String, topK: [Candidate],
    otherLogprob: Double, isInLoss: Bool, isStructural: Bool
  ) {
    self.sequence = sequence
    self.position = position
    self.tokenID = tokenID
    self.text = text
    self.topK = topK
    self.otherLogprob = otherLogprob
    self.isInLoss = isInLoss
    self.isStructural = isStructural
  }

  /// A row as `GET /v1/traces/{id}/rows` answers it.
  package static let record = Record<TraceRow>(
    "TraceRow", "One position of a trace.",
    [
      Member("sequence_id", Wire.integer, "Number of the sequence.") { .int($0.sequence) },
      Member("position", Wire.integer, "From the sequence's start.") { .int(Int64($0.position)) },
      Member("token_id", Wire.integer, "The token here.") { .int(Int64($0.tokenID)) },
      Member("token", Wire.text, "Its text.") { .string($0.text) },
      Member(
        "top_k",
        Wire.list(of: [
          "type": "object",
          "properties": ["token_id": Wire.integer, "token": Wire.text, "logprob": Wire.number],
          "required": ["token_id", "token", "logprob"],
        ]), "What the teacher expected here, the likeliest first."
      ) { row in
        .array(
          row.topK.map {
            [
              "token_id": .int(Int64($0.tokenID)), "token": .string($0.text),
              "logprob": .double($0.logprob),
            ]
          })
      },
      Member("other_logprob", Wire.number.orNull, "Log of the mass of all other tokens.") {
        .double($0.otherLogprob)
      },
      Member("loss_mask", Wire.boolean, "Whether it counts in the loss.") { .bool($0.isInLoss) },
      Member("is_struct", Wire.boolean, "Whether it is structural.") { .bool($0.isStructural) },
    ])
}

/// Answers that are lists.
package enum ListWire {
  /// A page: `{"data": […], "next": "ID" | null}`.
  package static func page(_ data: [JSONValue], next: String?) -> JSONValue {
    ["data": .array(data), "next": next.json { .string($0) }]
  }

  /// The same page of elements that are encoded already.
  package static func page(encoded data: [[UInt8]], next: String?) -> [UInt8] {
    var bytes = Array("{\"data\":[".utf8)
    for (index, element) in data.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += element
    }
    bytes += Array("],\"next\":".utf8)
    bytes += (next.json { .string($0) }).bytes
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  static func pageSchema(of name: String) -> JSONValue {
    [
      "type": "object",
      "properties": ["data": Wire.list(of: Wire.reference(name)), "next": Wire.text.orNull],
      "required": ["data", "next"],
    ]
  }
}
