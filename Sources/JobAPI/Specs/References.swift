package import Jobs

/// A model by its own name, or by the job that made it.
package enum ModelReference: Hashable, Sendable {
  /// `mdl_…`
  case model(ModelID)
  /// `job_…`: the model that this job made, or will have made when its turn comes.
  case job(JobID)

  /// Reads `mdl_…` or `job_…`; nil for anything else.
  package init?(_ text: String) {
    if let id = ModelID(text) {
      self = .model(id)
    } else if let id = JobID(text) {
      self = .job(id)
    } else {
      return nil
    }
  }

  /// As it crosses the wire.
  package var text: String {
    switch self {
    case .model(let id): id.text
    case .job(let id): id.text
    }
  }

  /// Stands in a spec until the field, which is required, has been read.
  static let unread = ModelReference.job(JobID.unread)
}

/// A set of traces by its own name, or by the job that collected it.
package enum TraceReference: Hashable, Sendable {
  /// `trc_…`
  case trace(TraceID)
  /// `job_…`: the traces that this job collected.
  case job(JobID)

  /// Reads `trc_…` or `job_…`; nil for anything else.
  package init?(_ text: String) {
    if let id = TraceID(text) {
      self = .trace(id)
    } else if let id = JobID(text) {
      self = .job(id)
    } else {
      return nil
    }
  }

  /// As it crosses the wire.
  package var text: String {
    switch self {
    case .trace(let id): id.text
    case .job(let id): id.text
    }
  }
}

extension JobID {
  static let unread = JobID(suffix: SortableSuffix(bits: 0))
}

extension Shape {
  /// An identifier: one of `prefixes`, an underscore, and a sortable suffix.
  fileprivate static func identifier(
    _ expectation: String, _ prefixes: String..., parse: @escaping @Sendable (String) -> Value?,
    text: @escaping @Sendable (Value) -> String
  ) -> Shape {
    let prefix = prefixes.count == 1 ? prefixes[0] : "(\(prefixes.joined(separator: "|")))"
    return Shape(
      expectation,
      schema: [
        "type": "string", "pattern": .string("^\(prefix)_[0-7][0-9a-hjkmnp-tv-z]{25}$"),
      ],
      parse: { json in json.stringValue.flatMap(parse) }, write: { .string(text($0)) })
  }
}

extension Shape where Value == ModelReference {
  /// `mdl_…` or `job_…`.
  package static var modelReference: Shape {
    identifier(
      "a model: \"mdl_…\", or \"job_…\" for the model that a job made", "mdl", "job",
      parse: { ModelReference($0) }, text: { $0.text })
  }
}

extension Shape where Value == TraceReference {
  /// `trc_…` or `job_…`.
  package static var traceReference: Shape {
    identifier(
      "traces: \"trc_…\", or \"job_…\" for the traces that a job collected", "trc", "job",
      parse: { TraceReference($0) }, text: { $0.text })
  }
}

extension Shape where Value == JobID {
  /// `job_…`.
  package static var jobID: Shape {
    identifier("a job: \"job_…\"", "job", parse: { JobID($0) }, text: { $0.text })
  }
}

extension Shape where Value == ModelID {
  /// `mdl_…`.
  package static var modelID: Shape {
    identifier("a model: \"mdl_…\"", "mdl", parse: { ModelID($0) }, text: { $0.text })
  }
}

extension Shape where Value == TraceID {
  /// `trc_…`.
  package static var traceID: Shape {
    identifier("traces: \"trc_…\"", "trc", parse: { TraceID($0) }, text: { $0.text })
  }
}
