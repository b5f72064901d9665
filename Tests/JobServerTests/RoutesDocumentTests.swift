import Foundation
import JobAPI
import JobStore
import Jobs
import Testing

@testable import JobServer

/// Drives every operation of the document that the daemon serves, and holds each answer against
/// what the document says of it.
struct RoutesDocumentTests {
  let harness: RoutesHarness
  let document: JSONValue
  let values: [String: String]

  init() throws {
    let harness = try RoutesHarness { services in
      services.servedModels = TinyModel.served(by: services)
      services.traceRows = { _, location, from, count in
        (from..<(from + count)).map { position in
          TraceRow(
            sequence: location.rows.sequence, position: position, tokenID: 1, text: "a",
            topK: [TraceRow.Candidate(tokenID: 1, text: "a", logprob: -0.5)], otherLogprob: -0.9,
            isInLoss: true, isStructural: false)
        }
      }
      services.teacherProviders = {
        [
          TeacherProviderFacts(
            name: "vllm", baseURL: nil, keyVariable: nil, isKeySet: false, topLogprobsMax: 20,
            remark: "r")
        ]
      }
      services.probeTeacher = { _ in
        TeacherProbeAnswer(capabilities: [:], refusal: nil, models: ["m"])
      }
      services.importTraces = { request in
        TraceRecord(
          id: .make(at: .now()), name: request.name, path: request.path, metadata: [:],
          isComplete: true, createdAt: .now())
      }
      services.importModel = { request in
        ModelRecord(
          id: .make(at: .now()), name: request.name, path: request.path, configuration: [:],
          parameterCount: 1, bytes: 1, fingerprint: "f", createdAt: .now())
      }
    }
    try TinyModel.add(to: harness)
    self.harness = harness
    document = try harness.send("GET", "/openapi.json").json()
    let (traces, model) = try harness.collected()
    values = ["traces": traces.text, "models": model.text, "jobs": try harness.succeeded().text]
  }

  @Test func `every documented operation answers as documented`() throws {
    var driven = 0
    for (path, methods) in try #require(document["paths"]?.objectValue) {
      for (method, operation) in try #require(methods.objectValue) {
        let answer = try drive(path, method: method.uppercased(), operation)
        let name = "\(method) \(path)"
        let responses = try #require(operation["responses"]?.objectValue)
        let response = try #require(
          responses["\(answer.status)"], "\(name) answered \(answer.status): \(answer.text)")
        #expect(answer.status < 300, "\(name): \(answer.text)")
        try check(answer, against: response, name)
        driven += 1
      }
    }
    #expect(driven == APIOperation.allCases.count)
  }

  @Test func `problems look as documented`() throws {
    for (method, path) in [
      ("GET", "/nowhere"), ("GET", "/v1/jobs/x"), ("PUT", "/v1/jobs"), ("GET", "/v1/jobs?a=1"),
      ("GET", "/v1/models/x"), ("GET", "/v1/traces/x"), ("POST", "/v1/jobs"),
    ] {
      let answer = try harness.send(method, path)
      #expect(answer.headers["content-type"] == "application/problem+json")
      let problem = try answer.json()
      let faults = faults(of: problem, against: ["$ref": "#/components/schemas/Problem"], at: "")
      #expect(faults.isEmpty, "\(faults)")
      #expect(problem["status"] == .int(Int64(answer.status)))
      #expect(problem["instance"]?.stringValue?.hasPrefix("/") == true)
    }
  }

  private func drive(
    _ path: String, method: String, _ operation: JSONValue
  ) throws -> TestAnswer {
    let kind = path.split(separator: "/").dropFirst().first.map(String.init) ?? ""
    var id = values[kind] ?? ""
    var body: String?
    switch operation["operationId"]?.stringValue {
    case "cancelJob": id = try harness.submit().text
    case "retryJob":
      let job = try harness.submit()
      _ = try harness.store.cancel(job)
      id = job.text
    case "deleteJob": id = try harness.succeeded().text
    case "submitJob": body = #"{"kind": "dryrun", "spec": {}}"#
    case "submitPipeline": body = #"{"corpus": {"path": "a.txt"}}"#
    case "probeTeacher":
      body = #"{"teacher": {"provider": "vllm", "model": "m"}}"#
    case "importTraces":
      body = #"{"path": "/traces/a", "tokenizer": "/models/a/tokenizer.json"}"#
    case "importModel": body = #"{"path": "/models/a"}"#
    case "complete": body = #"{"model": "tiny", "prompt": "a", "max_tokens": 1, "logprobs": 1}"#
    case "chat":
      body = """
        {"model": "tiny", "messages": [{"role": "user", "content": "a"}], "max_tokens": 1,
         "logprobs": true}
        """
    default: break
    }
    let full = path.replacing("{id}", with: id).replacing("{name}", with: "data/a%20b.txt")
    return try harness.send(method, full, body)
  }

  private func check(_ answer: TestAnswer, against response: JSONValue, _ name: String) throws {
    guard let content = response["content"]?.objectValue else {
      #expect(answer.body.isEmpty, "\(name)")
      return
    }
    let type = answer.headers["content-type"]?.split(separator: ";").first.map(String.init) ?? ""
    // A file has its own type; the document names the general one.
    guard let schema = (content[type] ?? content["application/octet-stream"])?["schema"] else {
      Issue.record("\(name) answered with \(type)")
      return
    }
    if type == "application/json" {
      let faults = faults(of: try answer.json(), against: schema, at: "")
      #expect(faults.isEmpty, "\(name): \(faults)")
    }
  }

  /// The part of JSON Schema that the document's answers use.
  private func faults(of json: JSONValue, against schema: JSONValue, at place: String) -> [String] {
    if let reference = schema["$ref"]?.stringValue {
      let name = reference.replacing("#/components/schemas/", with: "")
      guard let target = document["components"]?["schemas"]?[name] else {
        return ["\(place): \(name)"]
      }
      return faults(of: json, against: target, at: place)
    }
    if let options = schema["anyOf"]?.arrayValue {
      return options.contains { faults(of: json, against: $0, at: place).isEmpty }
        ? [] : ["\(place): \(json.text) fits none"]
    }
    if let values = schema["enum"]?.arrayValue, !values.contains(json) {
      return ["\(place): \(json.text) is not in the list"]
    }
    let fits =
      switch schema["type"]?.stringValue {
      case "object": json.objectValue != nil
      case "array": json.arrayValue != nil
      case "string": json.stringValue != nil
      case "integer": json.intValue != nil
      case "number": json.doubleValue != nil
      case "boolean": json.boolValue != nil
      case "null": json.isNull
      default: true
      }
    guard fits else { return ["\(place): \(json.text) is no \(schema["type"]?.text ?? "")"] }
    if let time = json.stringValue, schema["format"] == "date-time",
      Timestamp(rfc3339: time) == nil
    {
      return ["\(place): \(time) is no time"]
    }
    var found: [String] = []
    for (index, element) in (json.arrayValue ?? []).enumerated() {
      guard let items = schema["items"] else { break }
      found += faults(of: element, against: items, at: "\(place)/\(index)")
    }
    for name in schema["required"]?.arrayValue ?? [] where json[name.stringValue ?? ""] == nil {
      found.append("\(place): \(name.text) is missing")
    }
    for (name, value) in json.objectValue ?? [:] {
      if let member = schema["properties"]?[name] ?? schema["additionalProperties"] {
        found += faults(of: value, against: member, at: "\(place)/\(name)")
      } else if schema["properties"] != nil {
        found.append("\(place)/\(name) is not documented")
      }
    }
    return found
  }
}

extension RoutesHarness {
  /// A set of traces of one sequence, and a model, of a job that succeeded.
  fileprivate func collected() throws -> (TraceID, ModelID) {
    let (id, attempt) = try running()
    let traces = TraceRecord(
      id: .make(at: .now()), jobID: id, name: "t", path: "t", metadata: ["k": 20],
      createdAt: .now())
    let model = ModelRecord(
      id: .make(at: .now()), jobID: id, name: "m", path: "m", configuration: ["vocab_size": 3],
      parameterCount: 1, bytes: 1, fingerprint: String(repeating: "b", count: 64),
      createdAt: .now())
    let shard = TraceShardRecord(
      traceID: traces.id, number: 0, path: "t/kd_shard_000.parquet", bytes: 5,
      sha256: String(repeating: "c", count: 64),
      sequences: [TraceSequenceRows(sequence: 0, firstRow: 0, rowCount: 9)])
    _ = try store.finish(
      id, attempt: attempt, outcome: .succeeded(result: [:]),
      updates: [.trace(traces), .traceShard(shard), .model(model)])
    return (traces.id, model.id)
  }
}
