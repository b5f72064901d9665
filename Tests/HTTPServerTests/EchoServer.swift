import HTTPServer

/// A server whose reply says what its handler was given.
func echoServer(
  _ change: (inout HTTPServerConfiguration) -> Void = { _ in }
) throws -> HTTPServer {
  var configuration = HTTPServerConfiguration()
  change(&configuration)
  return try HTTPServer(configuration: configuration) { request, exchange in
    let query = request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    let text = """
      \(request.method) \(request.rawPath) \(request.path) [\(query)] \
      \(request.headers["x-test"] ?? "-") \(String(decoding: request.body, as: UTF8.self))
      """
    exchange.respond(
      HTTPResponse(
        status: 200, headers: [(name: "Content-Type", value: "text/plain")],
        bytes: Array(text.utf8)))
  }
}

extension HTTPServer {
  /// One request on a connection of its own.
  func reply(to request: String) throws -> RawClient.Reply {
    let client = try RawClient(port: port)
    client.send(request)
    return try client.reply()
  }

  func reply(toTarget target: String) throws -> RawClient.Reply {
    try reply(to: "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
  }
}
