package import Jobs

/// The OpenAPI 3.1 document, made from the tables that requests are read by.
package enum OpenAPIDocument {
  /// The document.
  ///
  /// - Parameter version: the daemon's.
  package static func json(version: String) -> JSONValue {
    var paths = JSONObject()
    for operation in APIOperation.allCases {
      let description = operation.description
      let path = paths[description.path]?.objectValue ?? [:]
      paths[description.path] = .object(path.adding(operation))
    }
    return [
      "openapi": "3.1.0",
      "info": [
        "title": "bitnetd", "version": .string(version),
        "description":
          "A distillation server: from a full-precision teacher to a 1.58-bit student.",
      ], "paths": .object(paths),
      "components": [
        "schemas": schemas,
        "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
      ],
    ]
  }

  /// Every named schema.
  package static var schemas: JSONValue {
    var schemas: JSONObject = [
      "JobRequest": JobRequest.schema, "PipelineRequest": PipelineSpec.schema,
      "Problem": Problem.schema,
    ]
    for kind in JobKind.allCases {
      let (name, schema) = JobSpec.schema(of: kind)
      schemas[name] = schema
    }
    schemas[Job.record.name] = Job.record.schema
    schemas[Artifact.record.name] = Artifact.record.schema
    schemas[ModelRecord.record.name] = ModelRecord.record.schema
    schemas[TraceRecord.record.name] = TraceRecord.record.schema
    schemas[TraceRow.record.name] = TraceRow.record.schema
    schemas[DaemonHealth.record.name] = DaemonHealth.record.schema
    schemas[Readiness.record.name] = Readiness.record.schema
    schemas[LogLine.record.name] = LogLine.record.schema
    schemas[ModelImport.table.name] = ModelImport.table.schema
    schemas[TraceImport.table.name] = TraceImport.table.schema
    schemas[TeacherProbeRequest.table.name] = TeacherProbeRequest.table.schema
    schemas[TeacherProviderFacts.record.name] = TeacherProviderFacts.record.schema
    schemas[TeacherProbeAnswer.record.name] = TeacherProbeAnswer.record.schema
    schemas[CompletionRequest.table.name] = CompletionRequest.table.schema
    schemas[ChatRequest.table.name] = ChatRequest.table.schema
    schemas["Completion"] = CompletionWire.schema
    schemas["ChatCompletion"] = ChatWire.schema
    schemas["ServedModels"] = OpenAIWire.modelsSchema
    schemas["Pipeline"] = PipelineWire.schema
    schemas["MetricSeries"] = MetricWire.schema
    return .object(schemas)
  }
}

extension JSONObject {
  /// A path's methods with one more.
  fileprivate func adding(_ operation: APIOperation) -> JSONObject {
    let description = operation.description
    var item: JSONObject = [
      "operationId": .string(operation.rawValue), "summary": .string(description.summary),
    ]
    let parameters = description.pathParameters + description.query + description.headerParameters
    if !parameters.isEmpty { item["parameters"] = .array(parameters) }
    if let body = description.body {
      item["requestBody"] = ["required": true, "content": ["application/json": ["schema": body]]]
    }
    item["responses"] = description.responses
    if description.access != .everyone {
      // The empty requirement: on a loopback address no token is asked for.
      item["security"] = [["token": []], [:]]
    }
    var methods = self
    methods[description.method.rawValue.lowercased()] = .object(item)
    return methods
  }
}

extension OperationDescription {
  fileprivate var pathParameters: [JSONValue] {
    path.split(separator: "/").filter { $0.hasPrefix("{") }.map { segment in
      [
        "name": .string(String(segment.dropFirst().dropLast())), "in": "path", "required": true,
        "schema": ["type": "string"],
      ]
    }
  }

  fileprivate var headerParameters: [JSONValue] {
    headers.map { header in
      [
        "name": .string(header.rawValue), "in": "header",
        "description": .string(header.documentation), "schema": ["type": "string"],
      ]
    }
  }

  fileprivate var responses: JSONValue {
    var responses = JSONObject()
    let content = success.content.map { ($0.mediaType, ["schema": $0.schema] as JSONValue) }
    responses["\(success.status)"] = response(success.summary, JSONObject(content))
    if headers.contains(.idempotencyKey) {
      responses["200"] = response("The jobs of the first request.", JSONObject(content))
    }
    if headers.contains(.ifNoneMatch) {
      responses["304"] = response("Nothing has changed.", [:])
    }
    if headers.contains(.range) {
      responses["206"] = response("A part of the file.", JSONObject(content))
    }
    var problems = problems
    if access != .everyone { problems.append(.unauthorized) }
    if body != nil { problems += [.bodyTooLarge, .unsupportedMediaType] }
    if access == .submit { problems += [.crossOrigin, .notAvailable] }
    for status in Set(problems.map(\.status)).sorted() {
      let titles = problems.filter { $0.status == status }.map(\.title)
      responses["\(status)"] = Self.problem(titles.joined(separator: "; "))
    }
    responses["default"] = Self.problem("Any other problem.")
    return .object(responses)
  }

  private func response(_ summary: String, _ content: JSONObject) -> JSONValue {
    content.isEmpty
      ? ["description": .string(summary)]
      : ["description": .string(summary), "content": .object(content)]
  }

  private static func problem(_ summary: String) -> JSONValue {
    [
      "description": .string(summary),
      "content": ["application/problem+json": ["schema": Wire.reference("Problem")]],
    ]
  }
}
