package import Jobs

/// The body of `POST /v1/jobs`.
package struct JobRequest: Equatable, Sendable {
  /// For a person; may be empty.
  package var name: String
  /// Higher goes first.
  package var priority: Int
  package var tags: [String: String]
  /// Jobs that must have succeeded before.
  package var after: [JobID]
  /// How often the job may fail before it is given up.
  package var maxAttempts: Int
  package var spec: JobSpec

  /// Reads a request strictly.
  ///
  /// - Parameters:
  ///   - defaults: what a field that its spec leaves out means.
  /// - Throws: every fault at once.
  package init(_ json: JSONValue, defaults: SpecDefaults) throws(SpecError) {
    var errors: [FieldError] = []
    let envelope = JobEnvelope.table.read(json, base: nil, at: .root, errors: &errors)
    // The spec is read even where the envelope has faults, so that its faults are named too.
    let kind = json["kind"]?.stringValue.flatMap { JobKind(rawValue: $0) }
    let spec = kind.flatMap { kind -> JobSpec? in
      guard let spec = json["spec"] else { return nil }
      let place = JSONPointer.root.member("spec")
      return JobSpec.read(kind: kind, from: spec, defaults: defaults, at: place, errors: &errors)
    }
    guard let envelope, let spec, errors.isEmpty else { throw SpecError(errors) }
    name = envelope.name
    priority = envelope.priority
    tags = envelope.tags
    after = envelope.after
    maxAttempts = envelope.maxAttempts
    self.spec = spec
  }

  /// The job to be stored.
  package func newJob(id: JobID) -> NewJob {
    NewJob(
      id: id, kind: spec.kind, name: name, priority: priority, tags: tags, spec: spec.json,
      slot: spec.slot, maxAttempts: maxAttempts, after: after)
  }

  /// The JSON Schema of the request: one form for each kind.
  package static var schema: JSONValue {
    let kinds = JobKind.allCases.map { kind -> JSONValue in
      [
        "properties": [
          "kind": ["const": .string(kind.rawValue)],
          "spec": Wire.reference(JobSpec.schema(of: kind).name),
        ]
      ]
    }
    guard case .object(var schema) = JobEnvelope.table.schema else { return [:] }
    schema["oneOf"] = .array(kinds)
    return .object(schema)
  }
}

/// What every job has, whatever its kind.
private struct JobEnvelope: Sendable {
  var kind: JobKind = .train
  var name: String = ""
  var priority: Int = 0
  var tags: [String: String] = [:]
  var after: [JobID] = []
  var maxAttempts: Int = 3
  var spec: JSONValue = [:]

  static let table = FieldTable(
    "JobRequest", "A job to be done.", initial: JobEnvelope(),
    fields: [
      .required("kind", \.kind, .choice, "What it does."),
      .field("name", \.name, .text(0...200), "For a person."),
      .field("priority", \.priority, .integer(-1000...1000), "Higher goes first."),
      .field("tags", \.tags, .tags, "Labels to filter by."),
      .field(
        "after", \.after, .array(of: .jobID, 0...100), "Jobs that must have succeeded before."),
      .field(
        "max_attempts", \.maxAttempts, .integer(1...100),
        "How often it may fail before it is given up."),
      .required("spec", \.spec, .any(["type": "object"]), "What is to be done, by kind."),
    ])
}

extension Shape where Value == [String: String] {
  /// Labels of a job.
  static var tags: Shape { dictionary(names: 1...64, values: .text(0...200), atMost: 50) }
}
