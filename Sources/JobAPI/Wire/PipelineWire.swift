package import Jobs

/// The answer of `POST /v1/pipelines`.
package enum PipelineWire {
  /// The jobs of a pipeline, by stage; the id of the first is that of the whole.
  ///
  /// - Parameter jobs: as they were submitted, at least one.
  package static func answer(_ jobs: [Job]) -> JSONValue {
    let stages = jobs.map { ($0.tags["stage"] ?? $0.kind.rawValue, $0.id) }
    return [
      "id": jobs.first.json { .string($0.id.text) },
      "jobs": .object(JSONObject(stages.map { ($0, .string($1.text)) })),
      "last": jobs.last.json { .string($0.id.text) },
    ]
  }

  static let schema: JSONValue = [
    "type": "object",
    "properties": [
      "id": [
        "type": "string",
        "description": "The first job's, and the value of the tag \"pipeline\" of all its jobs.",
      ],
      "jobs": [
        "type": "object", "additionalProperties": Shape<JobID>.jobID.schema,
        "description": "By stage.",
      ],
      "last": ["type": "string", "description": "The job that leaves pipeline_summary.json."],
    ], "required": ["id", "jobs", "last"],
  ]
}
