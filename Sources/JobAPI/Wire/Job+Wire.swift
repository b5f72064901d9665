package import Jobs

extension Job {
  /// A job as `GET /v1/jobs/{id}` answers it.
  package static let record = Record<Job>(
    "Job", "One job, as it is now.",
    [
      Member("id", Shape<JobID>.jobID.schema, "Orders by the time of submission.") {
        .string($0.id.text)
      },
      Member("kind", Wire.oneOf(JobKind.allCases.map(\.rawValue)), "What it does.") {
        .string($0.kind.rawValue)
      },
      Member("name", Wire.text, "For a person; may be empty.") { .string($0.name) },
      Member("state", Wire.oneOf(JobState.Name.allCases.map(\.rawValue)), "Where it is.") {
        .string($0.state.name.rawValue)
      },
      Member("cancel_requested", Wire.boolean, "Whether it stops at its next step.") {
        if case .running(_, _, let cancelRequested) = $0.state {
          .bool(cancelRequested)
        } else {
          false
        }
      },
      Member("priority", Wire.integer, "Higher goes first.") { .int(Int64($0.priority)) },
      Member("tags", Wire.textMap, "Labels to filter by.") { job in
        .object(JSONObject(job.tags.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
      },
      Member("spec", Wire.object, "What is to be done, with every default filled in.") { $0.spec },
      Member("attempt", Wire.integer, "Attempts begun so far.") { .int(Int64($0.state.attempt)) },
      Member("max_attempts", Wire.integer, "How often it may fail before it is given up.") {
        .int(Int64($0.maxAttempts))
      },
      Member("progress", progressSchema.orNull, "How far it has come; null before it began.") {
        $0.progress.json(\.json)
      },
      Member("result", Wire.object.orNull, "What came out, by kind; null unless succeeded.") {
        $0.result ?? .null
      },
      Member(
        "problem", Wire.reference("Problem").orNull, "Why it failed or was cancelled, or null."
      ) { $0.problem.json(\.json) },
      Member("artifacts", Wire.list(of: Wire.reference("Artifact")), "Files that it left.") {
        .array($0.artifacts.map { Artifact.record.json($0) })
      },
      Member("created_at", Wire.time, "When it was submitted.") { .string($0.createdAt.rfc3339) },
      Member("queued_at", Wire.time.orNull, "When it last became ready to run.") {
        $0.queuedAt.json { .string($0.rfc3339) }
      },
      Member("started_at", Wire.time.orNull, "When its latest attempt began.") {
        $0.startedAt.json { .string($0.rfc3339) }
      },
      Member("finished_at", Wire.time.orNull, "When it ended.") {
        $0.finishedAt.json { .string($0.rfc3339) }
      },
      Member("not_before", Wire.time.orNull, "When it may be tried again, after an error.") {
        $0.notBefore.json { .string($0.rfc3339) }
      },
      Member(
        "after", Wire.list(of: Shape<JobID>.jobID.schema), "Jobs that must have succeeded before."
      ) { .array($0.after.map { .string($0.text) }) },
      Member(
        "resumed_from", Wire.text.orNull, "The checkpoint or shard that the attempt went on from."
      ) { $0.resumedFrom.json { .string($0) } },
    ])

  private static let progressSchema: JSONValue = [
    "type": "object",
    "properties": [
      "fraction": ["type": "number", "minimum": 0, "maximum": 1], "step": Wire.integer,
      "steps_total": Wire.integer.orNull, "eta_s": Wire.number.orNull, "message": Wire.text,
    ],
    "required": ["fraction", "step", "steps_total", "eta_s", "message"],
  ]
}

extension Artifact {
  /// A file as a job's list of artifacts answers it. The path below the store's root is the
  /// daemon's own affair.
  package static let record = Record<Artifact>(
    "Artifact", "A file that a job left.",
    [
      Member("name", Wire.text, "Unique within the job; may hold slashes.") { .string($0.name) },
      Member("bytes", Wire.integer, "Its size.") { .int($0.bytes) },
      Member("sha256", Wire.text, "Of its content, in hexadecimal.") { .string($0.sha256) },
      Member("media_type", Wire.text, "Of its content.") { .string($0.mediaType) },
      Member("created_at", Wire.time, "When it was whole.") { .string($0.createdAt.rfc3339) },
    ])
}

extension Problem {
  /// The schema of `Problem.json`, RFC 9457.
  package static let schema: JSONValue = [
    "type": "object", "description": "What went wrong (RFC 9457).",
    "properties": [
      "type": ["type": "string", "description": "Names the kind of problem."],
      "title": ["type": "string", "description": "The same words for every occurrence."],
      "status": ["type": "integer", "description": "The HTTP status."],
      "detail": ["type": "string", "description": "This occurrence."],
      "instance": ["type": "string", "description": "Names this occurrence."],
      "errors": [
        "type": "array", "description": "Every fault of the request.",
        "items": [
          "type": "object",
          "properties": [
            "pointer": [
              "type": "string",
              "description":
                "JSON Pointer into the body, or /query/NAME, or /headers/NAME.",
            ], "detail": ["type": "string", "description": "What is wrong, and what is expected."],
          ], "required": ["pointer", "detail"],
        ],
      ],
    ], "required": ["type", "title", "detail"],
  ]
}
