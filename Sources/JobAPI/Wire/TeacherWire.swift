package import Jobs

/// The body of `POST /v1/teachers/probe`.
package struct TeacherProbeRequest: Equatable, Sendable {
  package var teacher: TeacherSource
  /// Candidates that a collection would ask for.
  package var topK: Int = 20

  /// A teacher to be probed.
  package init(teacher: TeacherSource) { self.teacher = teacher }

  /// How the body is read.
  package static let table = FieldTable(
    "TeacherProbeRequest", "A hosted teacher to be tried with a few short requests.",
    initial: TeacherProbeRequest(teacher: TeacherSource(model: .unread)),
    fields: [
      .required("teacher", \.teacher, .teacher, "Who is tried."),
      .field("top_k", \.topK, .integer(1...1024), "Candidates that a collection would ask for."),
    ])
}

/// A provider of hosted teachers, as `GET /v1/teachers` answers it.
package struct TeacherProviderFacts: Equatable, Sendable {
  package var name: String
  package var baseURL: String?
  package var keyVariable: String?
  package var isKeySet: Bool
  package var topLogprobsMax: Int?
  package var remark: String

  /// What is known before it is asked.
  package init(
    name: String, baseURL: String?, keyVariable: String?, isKeySet: Bool, topLogprobsMax: Int?,
    remark: String
  ) {
    self.name = name
    self.baseURL = baseURL
    self.keyVariable = keyVariable
    self.isKeySet = isKeySet
    self.topLogprobsMax = topLogprobsMax
    self.remark = remark
  }

  /// How it is written.
  package static let record = Record<TeacherProviderFacts>(
    "TeacherProvider", "Who serves hosted teachers, and what is known before they are asked.",
    [
      Member("provider", Wire.text, "Its name in specs.") { .string($0.name) },
      Member("base_url", Wire.text.orNull, "Where it is asked; null where only you know.") {
        $0.baseURL.json { .string($0) }
      },
      Member("api_key_env", Wire.text.orNull, "The variable of its key; null where none is asked.")
      { $0.keyVariable.json { .string($0) } },
      Member("api_key_set", Wire.boolean, "Whether the daemon has that variable.") {
        .bool($0.isKeySet)
      },
      Member(
        "top_logprobs_max", Wire.integer.orNull, "As documented; null where the server decides."
      ) { $0.topLogprobsMax.json { .int(Int64($0)) } },
      Member("remark", Wire.text, "One sentence.") { .string($0.remark) },
    ])
}

/// The answer of `POST /v1/teachers/probe`.
package struct TeacherProbeAnswer: Equatable, Sendable {
  /// What was found, as it is stored with collections.
  package var capabilities: JSONValue
  /// Why a collection with these candidates is refused; nil when it is not.
  package var refusal: String?
  /// The models that the endpoint lists.
  package var models: [String]

  /// What a probe found.
  package init(capabilities: JSONValue, refusal: String?, models: [String]) {
    self.capabilities = capabilities
    self.refusal = refusal
    self.models = models
  }

  /// How it is written.
  package static let record = Record<TeacherProbeAnswer>(
    "TeacherProbe", "What a hosted teacher can do.",
    [
      Member("usable", Wire.boolean, "Whether a collection may ask it.") {
        .bool($0.refusal == nil)
      },
      Member("refusal", Wire.text.orNull, "Why not, and what to change.") {
        $0.refusal.json { .string($0) }
      },
      Member("capabilities", Wire.object, "What was found.") { $0.capabilities },
      Member("models", Wire.list(of: Wire.text), "What the endpoint lists, if it does.") {
        .array($0.models.map { .string($0) })
      },
    ])
}
