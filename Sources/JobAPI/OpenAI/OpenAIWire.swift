package import Jobs

/// The parts of OpenAI's API that are neither a question nor an answer.
package enum OpenAIWire {
  /// An error as OpenAI's clients expect it.
  ///
  /// - Parameter problem: of it the status, the words and the first fault's place are told.
  package static func error(_ problem: Problem) -> JSONValue {
    let type =
      switch problem.status {
      case 401: "authentication_error"
      case 403: "permission_error"
      case 404: "not_found_error"
      case 429: "rate_limit_error"
      case 400..<500: "invalid_request_error"
      default: "server_error"
      }
    let code = problem.type.split(separator: ":").last.map(String.init)
    let parameter = problem.errors.first?.pointer.split(separator: "/").first.map(String.init)
    return [
      "error": [
        "message": .string(problem.detail.isEmpty ? problem.title : problem.detail),
        "type": .string(type), "param": parameter.json { .string($0) },
        "code": code.json { .string($0) },
      ]
    ]
  }

  /// `GET /v1/openai/models`.
  package static func models(_ models: [ModelRecord]) -> JSONValue {
    [
      "object": "list",
      "data": .array(
        models.map { model in
          [
            "id": .string(model.id.text), "object": "model",
            "created": .int(model.createdAt.milliseconds / 1000), "owned_by": "bitnet",
            "name": .string(model.name),
          ]
        }),
    ]
  }

  static let modelsSchema: JSONValue = [
    "type": "object",
    "properties": [
      "object": Wire.text,
      "data": Wire.list(of: [
        "type": "object",
        "properties": [
          "id": Wire.text, "object": Wire.text, "created": Wire.integer, "owned_by": Wire.text,
          "name": Wire.text,
        ], "required": ["id", "object", "created", "owned_by"],
      ]),
    ], "required": ["object", "data"],
  ]
}
