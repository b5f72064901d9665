/// What went wrong, in the form of RFC 9457 (`application/problem+json`).
package struct Problem: Error, Equatable, Sendable {
  /// A URI reference that names the kind of problem.
  package var type: String
  /// The kind of problem in a few words, the same for every occurrence.
  package var title: String
  /// The HTTP status that fits; 0 where the problem is a job's, not a request's.
  package var status: Int
  /// This occurrence, for a person.
  package var detail: String
  /// A URI reference that names this occurrence.
  package var instance: String?
  /// Places in the request that are at fault, all of them.
  package var errors: [FieldError]

  /// One place that is at fault.
  package struct FieldError: Equatable, Sendable {
    /// JSON Pointer (RFC 6901) into the request.
    package var pointer: String
    /// What is wrong there, and what was expected.
    package var detail: String

    /// - Parameters: as the properties.
    package init(pointer: String, detail: String) {
      self.pointer = pointer
      self.detail = detail
    }
  }

  /// - Parameters: as the properties.
  package init(
    type: String, title: String, status: Int = 0, detail: String, instance: String? = nil,
    errors: [FieldError] = []
  ) {
    self.type = type
    self.title = title
    self.status = status
    self.detail = detail
    self.instance = instance
    self.errors = errors
  }

  /// The members of RFC 9457, and `errors` where there are any.
  package var json: JSONValue {
    var object: JSONObject = ["type": .string(type), "title": .string(title)]
    if status != 0 { object["status"] = .int(Int64(status)) }
    object["detail"] = .string(detail)
    if let instance { object["instance"] = .string(instance) }
    if !errors.isEmpty {
      object["errors"] = .array(
        errors.map { ["pointer": .string($0.pointer), "detail": .string($0.detail)] })
    }
    return .object(object)
  }

  /// Reads what `json` writes; nil when it is something else.
  package init?(json: JSONValue) {
    guard let type = json["type"]?.stringValue, let title = json["title"]?.stringValue else {
      return nil
    }
    self.init(
      type: type, title: title, status: Int(json["status"]?.intValue ?? 0),
      detail: json["detail"]?.stringValue ?? "", instance: json["instance"]?.stringValue,
      errors: (json["errors"]?.arrayValue ?? []).compactMap { error in
        guard let pointer = error["pointer"]?.stringValue, let detail = error["detail"]?.stringValue
        else { return nil }
        return FieldError(pointer: pointer, detail: detail)
      })
  }
}
