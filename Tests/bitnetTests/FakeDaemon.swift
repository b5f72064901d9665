import HTTPServer
import Jobs
import Synchronization

/// A real HTTP server that answers each `METHOD /path` as a test says, and keeps what it was asked.
final class FakeDaemon: Sendable {
  struct Asked: Sendable {
    var line: String
    var headers: HTTPHeaders
    var body: JSONValue?
  }

  typealias Answer = @Sendable (HTTPRequest) -> HTTPResponse

  private let seen: Requests
  private let server: HTTPServer
  let url: String

  private final class Requests: Sendable {
    let all = Mutex<[Asked]>([])
  }

  init(_ answers: [String: Answer]) throws {
    let seen = Requests()
    self.seen = seen
    server = try HTTPServer(configuration: HTTPServerConfiguration()) { request, exchange in
      let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
      let path = "\(request.method) \(request.rawPath)"
      seen.all.withLock {
        $0.append(
          Asked(
            line: query.isEmpty ? path : "\(path)?\(query)", headers: request.headers,
            body: try? JSONValue(parsing: request.body)))
      }
      exchange.respond(answers[path]?(request) ?? .problem(404, "Nothing here", path))
    }
    url = "http://127.0.0.1:\(server.port)"
  }

  var asked: [Asked] { seen.all.withLock { $0 } }

  func run(
    _ arguments: String..., token: String? = nil, input: String = "",
    errors: BitnetRun.Errors = .pipe
  ) throws -> BitnetRun {
    try BitnetRun(arguments, url: url, token: token, input: input, errors: errors)
  }
}

extension HTTPResponse {
  static func json(_ json: JSONValue, status: Int = 200) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [(name: "Content-Type", value: "application/json")],
      bytes: json.bytes)
  }

  static func problem(
    _ status: Int, _ title: String, _ detail: String, errors: JSONValue = []
  ) -> HTTPResponse {
    json(
      [
        "type": "urn:x", "title": .string(title), "status": .int(Int64(status)),
        "detail": .string(detail), "errors": errors,
      ], status: status)
  }

  /// The numbered events behind `after`, and then the end of the stream.
  static func events(_ events: [(String, JSONValue)], after: Int = 0) -> HTTPResponse {
    let text = events.enumerated().dropFirst(after).map { index, event in
      "id: \(index + 1)\nevent: \(event.0)\ndata: \(event.1.text)\n\n"
    }.joined()
    return HTTPResponse(
      status: 200, headers: [(name: "Content-Type", value: "text/event-stream")],
      bytes: Array(text.utf8))
  }
}
