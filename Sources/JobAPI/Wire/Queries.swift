// The query parameters of the operations that have any.

package import Jobs

/// `GET /v1/jobs`.
package struct JobListQuery: Equatable, Sendable {
  package var limit: Int = 50
  package var after: JobID?
  package var kind: JobKind?
  package var state: JobState.Name?
  /// `NAME` or `NAME:VALUE`.
  package var tag: String?

  package static let table = FieldTable(
    "JobListQuery", "", initial: JobListQuery(),
    fields: [
      .field("limit", \.limit, .integer(1...500), "Jobs of a page."),
      .optional("after", \.after, .jobID, "`next` of the page before."),
      .optional("kind", \.kind, .choice, "Only jobs of this kind."),
      .optional("state", \.state, .choice, "Only jobs in this state."),
      .optional("tag", \.tag, .text(1...265), "Only jobs with this tag: NAME or NAME:VALUE."),
    ])
}

/// `GET /v1/jobs/{id}`.
package struct JobQuery: Equatable, Sendable {
  /// Seconds to wait for the next change of state; nil answers at once.
  package var waitSeconds: Double?

  package static let table = FieldTable(
    "JobQuery", "", initial: JobQuery(),
    fields: [
      .optional(
        "wait", \.waitSeconds, .number(0...300),
        "Seconds to wait for the next change of state; a final job answers at once.")
    ])
}

/// `DELETE /v1/jobs/{id}`.
package struct DeletionQuery: Equatable, Sendable {
  package var artifacts: Bool = false

  package static let table = FieldTable(
    "DeletionQuery", "", initial: DeletionQuery(),
    fields: [.field("artifacts", \.artifacts, .boolean, "Whether its files go too.")])
}

/// `GET /v1/jobs/{id}/events`.
package struct EventsQuery: Equatable, Sendable {
  package var after: Int = 0

  package static let table = FieldTable(
    "EventsQuery", "", initial: EventsQuery(),
    fields: [
      .field(
        "after", \.after, .integer(0...(1 << 62)),
        "Number of the last event that is known; Last-Event-ID says the same and wins.")
    ])
}

/// `GET /v1/jobs/{id}/metrics`.
package struct MetricsQuery: Equatable, Sendable {
  package var names: [String]?
  package var maxPoints: Int = 1000

  package static let table = FieldTable(
    "MetricsQuery", "", initial: MetricsQuery(),
    fields: [
      .optional(
        "name", \.names, .array(of: .text(1...200), 1...100),
        "Series, separated by commas; left out, all."),
      .field(
        "max_points", \.maxPoints, .integer(4...100_000),
        "Points of a series at most; the smallest and largest values survive."),
    ])
}

/// `GET /v1/jobs/{id}/logs`.
package struct LogsQuery: Equatable, Sendable {
  package var after: Int = 0
  package var limit: Int = 1000

  package static let table = FieldTable(
    "LogsQuery", "", initial: LogsQuery(),
    fields: [
      .field("after", \.after, .integer(0...(1 << 62)), "Number of the last line that is known."),
      .field("limit", \.limit, .integer(1...10_000), "Lines at most."),
    ])
}

/// `GET /v1/models`.
package struct ModelListQuery: Equatable, Sendable {
  package var limit: Int = 50
  package var after: ModelID?

  package static let table = FieldTable(
    "ModelListQuery", "", initial: ModelListQuery(),
    fields: [
      .field("limit", \.limit, .integer(1...500), "Models of a page."),
      .optional("after", \.after, .modelID, "`next` of the page before."),
    ])
}

/// `GET /v1/traces`.
package struct TraceListQuery: Equatable, Sendable {
  package var limit: Int = 50
  package var after: TraceID?

  package static let table = FieldTable(
    "TraceListQuery", "", initial: TraceListQuery(),
    fields: [
      .field("limit", \.limit, .integer(1...500), "Traces of a page."),
      .optional("after", \.after, .traceID, "`next` of the page before."),
    ])
}

/// `GET /v1/traces/{id}/rows`.
package struct TraceRowsQuery: Equatable, Sendable {
  package var sequence: Int = 0
  package var from: Int = 0
  package var limit: Int = 50

  package static let table = FieldTable(
    "TraceRowsQuery", "", initial: TraceRowsQuery(),
    fields: [
      .field("sequence", \.sequence, .integer(0...(1 << 62)), "Number of the sequence."),
      .field("from", \.from, .integer(0...(1 << 31)), "First position."),
      .field("limit", \.limit, .integer(1...1000), "Rows at most."),
    ])
}

/// The query of an operation that has no parameters.
package struct NoQuery: Equatable, Sendable {
  package static let table = FieldTable("NoQuery", "", initial: NoQuery(), fields: [])
}

extension FieldTable {
  /// Reads query parameters strictly, by the types of this table's fields.
  ///
  /// - Parameter query: names and values in their order, decoded.
  /// - Throws: every fault at once, at `/query/NAME`.
  package func read(query: [(String, String)]) throws(SpecError) -> Value {
    // Most requests have none.
    if query.isEmpty { return initial }
    let place = JSONPointer.root.member("query")
    var errors: [FieldError] = []
    var object = JSONObject()
    let properties = fields.flatMap { $0.properties(initial) }
    for (name, text) in query {
      if object[name] != nil { errors.append(place.member(name).fault("is given twice")) }
      let schema = properties.first { $0.0 == name }?.1 ?? [:]
      object[name] = JSONValue(queryText: text, schema: schema)
    }
    let value = read(.object(object), base: nil, at: place, errors: &errors)
    guard let value, errors.isEmpty else { throw SpecError(errors) }
    return value
  }

  /// The parameters as the OpenAPI document lists them.
  var queryParameters: [JSONValue] {
    fields.flatMap { $0.properties(initial) }.map { name, schema in
      var parameter: JSONObject = ["name": .string(name), "in": "query"]
      if let description = schema["description"] { parameter["description"] = description }
      var schema = schema["anyOf"]?.arrayValue?.first ?? schema
      if case .object(var members) = schema {
        members["description"] = nil
        schema = .object(members)
      }
      parameter["schema"] = schema
      if schema["type"] == "array" {
        parameter["style"] = "form"
        parameter["explode"] = false
      }
      return .object(parameter)
    }
  }
}

extension JSONValue {
  /// The value that a query parameter's text stands for; what does not fit stays a string, so
  /// that the field's own fault names it.
  fileprivate init(queryText text: String, schema: JSONValue) {
    let schema = schema["anyOf"]?.arrayValue?.first ?? schema
    switch schema["type"]?.stringValue {
    case "integer": self = Int64(text).map { .int($0) } ?? .string(text)
    case "number": self = Double(text).map { .double($0) } ?? .string(text)
    case "boolean": self = text == "true" ? true : text == "false" ? false : .string(text)
    case "array": self = .array(text.split(separator: ",").map { .string(String($0)) })
    default: self = .string(text)
    }
  }
}
