internal import Foundation
internal import HTTPClient
internal import Jobs

/// The daemon's API, as far as the commands use it.
struct Server {
  private let base: String
  private let token: String?
  private let problemsAsJSON: Bool
  private let client = HTTPClient()

  init(url: String, token: String?, problemsAsJSON: Bool) {
    base = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.token = token
    self.problemsAsJSON = problemsAsJSON
  }

  /// Each element of `path` becomes one segment, percent-encoded.
  func get(_ path: String..., query: [(String, String)] = []) throws(Failure) -> JSONValue {
    try json(send(request("GET", path, query: query)))
  }

  func lines(_ path: String..., query: [(String, String)] = []) throws(Failure) -> [UInt8] {
    var request = request("GET", path, query: query)
    request.headers.append((name: "Accept", value: "application/x-ndjson, application/json"))
    return try send(request).body
  }

  func post(
    _ path: String..., body: JSONValue? = nil, headers: [(name: String, value: String)] = []
  ) throws(Failure) -> JSONValue {
    var request = request("POST", path)
    request.body = (body ?? [:]).bytes
    request.headers += [(name: "Content-Type", value: "application/json")] + headers
    return try json(send(request))
  }

  /// Hands over the events of a job from number `after` on, as many at a time as came together,
  /// until the server ends the stream.
  func events(
    of job: String, after: Int64, receive: @escaping ([ServerSentEvent]) -> Void
  ) throws(Failure) {
    var request = request("GET", ["v1", "jobs", job, "events"])
    request.headers += [
      (name: "Accept", value: "text/event-stream"),
      (name: "Last-Event-ID", value: String(after)),
    ]
    try stream(request, receive: receive)
  }

  /// Posts, and hands over the events of the answer until the server ends the stream.
  func postStreaming(
    _ path: [String], body: JSONValue, receive: @escaping ([ServerSentEvent]) -> Void
  ) throws(Failure) {
    var request = request("POST", path)
    request.body = body.bytes
    request.headers += [(name: "Content-Type", value: "application/json")]
    try stream(request, receive: receive)
  }

  private func stream(
    _ request: HTTPClient.Request, receive: @escaping ([ServerSentEvent]) -> Void
  ) throws(Failure) {
    var parser = EventStreamParser()
    let reply: HTTPClient.Response
    do {
      reply = try client.stream(request) { bytes in
        receive(parser.feed(bytes))
        return .goOn
      }
    } catch {
      throw .notReached(error)
    }
    try check(reply)
  }

  private func request(
    _ method: String, _ path: [String], query: [(String, String)] = []
  ) -> HTTPClient.Request {
    var url = base
    for segment in path { url += "/" + Self.percentEncoded(segment) }
    for (index, (name, value)) in query.enumerated() {
      url += (index == 0 ? "?" : "&") + name + "=" + Self.percentEncoded(value)
    }
    let authorization = token.map { [(name: "Authorization", value: "Bearer " + $0)] } ?? []
    return HTTPClient.Request(method, url, headers: authorization)
  }

  private func send(_ request: HTTPClient.Request) throws(Failure) -> HTTPClient.Response {
    let reply: HTTPClient.Response
    do {
      reply = try client.send(request)
    } catch {
      throw .notReached(error)
    }
    try check(reply)
    return reply
  }

  private func check(_ reply: HTTPClient.Response) throws(Failure) {
    guard !(200..<300).contains(reply.status) else { return }
    throw .refused(status: reply.status, body: reply.body, asJSON: problemsAsJSON)
  }

  private func json(_ reply: HTTPClient.Response) throws(Failure) -> JSONValue {
    do {
      return try JSONValue(parsing: reply.body)
    } catch {
      throw .foreignReply(base)
    }
  }

  private static func percentEncoded(_ text: String) -> String {
    let plain = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~,:")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
  }
}
