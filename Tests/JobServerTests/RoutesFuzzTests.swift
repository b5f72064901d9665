import Foundation
import JobAPI
import JobServer
import JobStore
import Jobs
import TestSupport
import Testing

/// Requests made from the document that the daemon serves: right ones, slightly wrong ones, and
/// nonsense. Whatever comes, the answer is not a 5xx and the process lives.
struct RoutesFuzzTests {
  @Test func `no request made from the document ends in a server error`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("fuzz seed: \(seed)")
    let harness = try RoutesHarness { services in
      services.probeTeacher = { _ in
        TeacherProbeAnswer(capabilities: [:], refusal: "no", models: [])
      }
      services.importTraces = { _ in
        throw ProblemKind.invalidBody.problem("there is no such directory")
      }
      services.importModel = { _ in
        throw ProblemKind.invalidBody.problem("there is no such directory")
      }
    }
    let document = try harness.send("GET", "/openapi.json").json()
    var requests = RequestGenerator(
      document: document, known: [try harness.succeeded().text, try harness.submit().text],
      seed: seed)
    var statuses: [Int: Int] = [:]
    for _ in 0..<600 {
      let request = requests.next()
      // A stream of a job that does not end is left after its head.
      let isStream = request.path.contains("/events")
      let connection = try harness.open(
        request.method, request.path, request.body, headers: request.headers)
      let status =
        isStream
        ? Int(try connection.read(until: "\r\n").split(separator: " ")[1]) ?? 0
        : try connection.readAll().status
      #expect(
        (200..<500).contains(status),
        "seed \(seed): \(request.method) \(request.path) \(request.body ?? "") gave \(status)")
      statuses[status, default: 0] += 1
    }
    // The generator's aim: right requests and wrong ones of several kinds.
    #expect(statuses[200] != nil && statuses[201] != nil, "seed \(seed): \(statuses)")
    #expect(statuses[404] != nil && statuses[422] != nil, "seed \(seed): \(statuses)")
    #expect(try harness.send("GET", "/livez").status == 200)
    #expect(harness.store.check().isEmpty)
  }
}

/// Makes requests from an OpenAPI document.
private struct RequestGenerator {
  struct Request {
    var method: String
    var path: String
    var body: String?
    var headers: [String: String] = [:]
  }

  private let document: JSONValue
  private let operations: [(path: String, method: String, operation: JSONValue)]
  private let known: [String]
  private var random: SplitMix64

  init(document: JSONValue, known: [String], seed: UInt64) {
    self.document = document
    self.known = known
    random = SplitMix64(seed: seed)
    operations = (document["paths"]?.objectValue ?? [:]).flatMap { path, methods in
      (methods.objectValue ?? [:]).map { (path, $0.0.uppercased(), $0.1) }
    }
  }

  mutating func next() -> Request {
    let (path, method, operation) = operations[pick(operations.count)]
    var request = Request(method: method, path: "")
    var query: [String] = []
    var full = path
    for parameter in operation["parameters"]?.arrayValue ?? [] {
      let name = parameter["name"]?.stringValue ?? ""
      switch parameter["in"]?.stringValue {
      case "path": full = full.replacing("{\(name)}", with: escaped(identifier()))
      case "query" where chance(3):
        query.append("\(name)=\(escaped(text(of: value(of: parameter["schema"] ?? [:]))))")
      case "header" where chance(4):
        request.headers[name] = chance(2) ? "\(pick(9))" : printable(nonsense())
      default: break
      }
    }
    if chance(20) { query.append("\(escaped(nonsense()))=\(escaped(nonsense()))") }
    // A poll that waits answers late, not wrongly; it has its own tests.
    query.removeAll { $0.hasPrefix("wait=") && !$0.hasPrefix("wait=-") && $0 != "wait=0" }
    request.path = full + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
    if let schema = operation["requestBody"]?["content"]?["application/json"]?["schema"] {
      request.body = body(of: schema)
    }
    return request
  }

  private mutating func body(of schema: JSONValue) -> String {
    let right = value(of: schema)
    switch pick(10) {
    case 0: return nonsense()
    case 1: return String(decoding: right.bytes.prefix(pick(right.bytes.count + 1)), as: UTF8.self)
    case 2, 3: return damaged(right).text
    default: return right.text
    }
  }

  private mutating func identifier() -> String {
    switch pick(6) {
    case 0: return "job_" + nonsense()
    case 1: return nonsense() + "x"
    case 2: return JobID(suffix: SortableSuffix(bits: UInt128(random.next()))).text
    default: return known[pick(known.count)]
    }
  }

  /// A value that a schema accepts, most of the time.
  private mutating func value(of schema: JSONValue) -> JSONValue {
    if let reference = schema["$ref"]?.stringValue {
      let name = reference.replacing("#/components/schemas/", with: "")
      if name == "JobRequest" { return jobRequest() }
      return value(of: document["components"]?["schemas"]?[name] ?? [:])
    }
    if let options = (schema["anyOf"] ?? schema["oneOf"])?.arrayValue, schema["properties"] == nil {
      return value(of: options[pick(options.count)])
    }
    if let constant = schema["const"] { return constant }
    if let values = schema["enum"]?.arrayValue { return values[pick(values.count)] }
    switch schema["type"]?.stringValue {
    case "integer": return integer(schema)
    case "number": return .double(number(schema))
    case "boolean": return .bool(chance(2))
    case "null": return .null
    case "string":
      if schema["pattern"] != nil { return .string(known[pick(known.count)]) }
      return .string(chance(4) ? nonsense() : "text")
    case "array":
      guard let items = schema["items"] else { return [] }
      let least = Int(schema["minItems"]?.intValue ?? 0)
      return .array((0..<(least + pick(3))).map { _ in value(of: items) })
    case "object": return object(schema)
    default: return .null
    }
  }

  private mutating func jobRequest() -> JSONValue {
    let kinds = JobKind.allCases
    let kind = kinds[pick(kinds.count)]
    return [
      "kind": .string(kind.rawValue), "priority": .int(Int64(pick(10))),
      "spec": value(of: JobSpec.schema(of: kind).schema),
    ]
  }

  private mutating func object(_ schema: JSONValue) -> JSONValue {
    let required = Set((schema["required"]?.arrayValue ?? []).compactMap(\.stringValue))
    var object = JSONObject()
    for (name, member) in schema["properties"]?.objectValue ?? [:] {
      if required.contains(name) || chance(4) { object[name] = value(of: member) }
    }
    // One of each group of exclusive names.
    for group in schema["allOf"]?.arrayValue ?? [] {
      let names = (group["oneOf"]?.arrayValue ?? [])
        .compactMap { $0["required"]?.arrayValue?.first?.stringValue }
      for name in names { object[name] = nil }
      guard let name = names.randomElement(using: &random) else { continue }
      object[name] = value(of: schema["properties"]?[name] ?? [:])
    }
    return .object(object)
  }

  private mutating func integer(_ schema: JSONValue) -> JSONValue {
    let least = schema["minimum"]?.intValue ?? 0
    let most = schema["maximum"]?.intValue ?? 100
    switch pick(8) {
    case 0: return .int(least)
    case 1: return .int(most)
    case 2: return .int(least &- 1)
    case 3: return .int(most &+ 1)
    case 4: return .double(1e300)
    default: return .int(min(most, least &+ Int64(pick(50))))
    }
  }

  private mutating func number(_ schema: JSONValue) -> Double {
    let least = (schema["minimum"] ?? schema["exclusiveMinimum"])?.doubleValue ?? 0
    let most = schema["maximum"]?.doubleValue ?? 1
    return chance(6) ? -1e308 : least + (most - least) * Double(pick(1000)) / 1000
  }

  /// A value with one of its parts replaced by something else.
  private mutating func damaged(_ json: JSONValue) -> JSONValue {
    switch json {
    case .object(let object) where !chance(6):
      var members = Array(object)
      if members.isEmpty || chance(3) {
        members.append((nonsense(), .int(1)))
      } else {
        let index = pick(members.count)
        members[index].1 = damaged(members[index].1)
      }
      return .object(JSONObject(members))
    case .array(let elements) where !elements.isEmpty && !chance(6):
      var elements = elements
      let index = pick(elements.count)
      elements[index] = damaged(elements[index])
      return .array(elements)
    default:
      let others: [JSONValue] = [
        .null, true, .int(.min), .int(.max), .double(-0.5), .string(nonsense()), [], [:], [[:]],
        ["a": ["b": []]],
      ]
      return others[pick(others.count)]
    }
  }

  private mutating func nonsense() -> String {
    let parts = [
      "", "0", "-1", "null", "\u{0}", "\u{7F}", "é", "😀", "\"", "\\", "{", "[", "../", "%", "a",
      "\u{202E}", "job_", " ", "\n", String(repeating: "x", count: 300),
    ]
    return (0..<pick(4)).map { _ in parts[pick(parts.count)] }.joined()
  }

  private func text(of json: JSONValue) -> String {
    if let elements = json.arrayValue { return elements.map(text(of:)).joined(separator: ",") }
    return json.stringValue ?? json.text
  }

  private func escaped(_ text: String) -> String {
    // NUL is refused by the server before the routes see it; that is its own tests' matter.
    text.replacing("\u{0}", with: "")
      .addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
  }

  private func printable(_ text: String) -> String {
    String(text.unicodeScalars.filter { (0x20...0x7E).contains($0.value) })
  }

  private mutating func pick(_ count: Int) -> Int {
    Int.random(in: 0..<max(1, count), using: &random)
  }

  private mutating func chance(_ one: Int) -> Bool { pick(one) == 0 }
}
