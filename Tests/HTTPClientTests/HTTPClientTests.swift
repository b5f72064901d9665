import Dispatch
import Foundation
import HTTPClient
import HTTPServer
import Synchronization
import Testing

struct HTTPClientTests {
  private func server(
    _ handler: @escaping @Sendable (HTTPRequest, HTTPExchange) -> Void
  ) throws -> (server: HTTPServer, url: String) {
    let server = try HTTPServer(configuration: HTTPServerConfiguration(), handler: handler)
    return (server, "http://127.0.0.1:\(server.port)")
  }

  private static func echo(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    let text = "\(request.method) \(request.rawPath) \(request.headers["x-test"] ?? "-") "
    exchange.respond(
      HTTPResponse(
        status: 200, headers: [(name: "X-Reply", value: " two words ")],
        bytes: Array(text.utf8) + request.body))
  }

  @Test(arguments: ["GET", "POST", "PUT", "DELETE", "PATCH"])
  func `method, headers and body arrive, and so does the reply`(method: String) throws {
    let (server, url) = try server(Self.echo)
    let body = method == "GET" ? nil : [UInt8](repeating: 0x78, count: 300_000)
    let reply = try HTTPClient().send(
      HTTPClient.Request(
        method, url + "/a%20b?c", headers: [(name: "X-Test", value: "v")], body: body))
    #expect(reply.status == 200)
    #expect(reply.header("x-reply") == "two words")
    #expect(reply.body.starts(with: "\(method) /a%20b v ".utf8))
    #expect(reply.body.count == "\(method) /a%20b v ".utf8.count + (body?.count ?? 0))
    server.stop(graceSeconds: 0)
  }

  @Test func `a HEAD has no body, and an empty body is sent as one`() throws {
    let (server, url) = try server { request, exchange in
      exchange.respond(
        HTTPResponse(
          status: 200, bytes: Array((request.headers["content-length"] ?? "none").utf8)))
    }
    let client = HTTPClient()
    #expect(try client.send(HTTPClient.Request("HEAD", url)).body.isEmpty)
    let reply = try client.send(HTTPClient.Request("POST", url, body: []))
    #expect(reply.body == Array("0".utf8))
    server.stop(graceSeconds: 0)
  }

  @Test func `errors and redirects are replies`() throws {
    let (server, url) = try server { _, exchange in
      exchange.respond(
        HTTPResponse(
          status: 302, headers: [(name: "Location", value: "http://example.com/")],
          bytes: Array("there".utf8)))
    }
    let reply = try HTTPClient().send(HTTPClient.Request("GET", url))
    #expect(reply.status == 302)
    #expect(reply.header("location") == "http://example.com/")
    server.stop(graceSeconds: 0)
  }

  @Test func `a connection is used again`() throws {
    let addresses = Mutex<[Int]>([])
    let (server, url) = try server { _, exchange in
      addresses.withLock { $0.append($0.count) }
      exchange.respond(HTTPResponse(status: 204))
    }
    let client = HTTPClient()
    for _ in 0..<20 { #expect(try client.send(HTTPClient.Request("GET", url)).status == 204) }
    #expect(addresses.withLock { $0.count } == 20)
    server.stop(graceSeconds: 0)
  }

  @Test func `many threads may share a client`() throws {
    let (server, url) = try server(Self.echo)
    let client = HTTPClient()
    let good = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 40) { index in
      let reply = try? client.send(HTTPClient.Request("GET", "\(url)/\(index)"))
      if reply?.body.starts(with: "GET /\(index) ".utf8) == true {
        good.add(1, ordering: .relaxed)
      }
    }
    #expect(good.load(ordering: .relaxed) == 40)
    server.stop(graceSeconds: 0)
  }

  @Test func `where nobody listens, the address is named`() throws {
    let (server, url) = try server(Self.echo)
    server.stop()
    #expect {
      try HTTPClient().send(HTTPClient.Request("GET", url))
    } throws: { error in
      guard case .unreachable(let asked, _)? = error as? HTTPClientError else { return false }
      return asked == url && "\(error)".contains("no server answers")
    }
  }

  @Test func `a server that never answers times out`() throws {
    let owed = Mutex<[HTTPExchange]>([])
    let (server, url) = try server { _, exchange in owed.withLock { $0.append(exchange) } }
    var request = HTTPClient.Request("GET", url)
    request.secondsMax = 1
    #expect {
      try HTTPClient().send(request)
    } throws: { error in
      if case .timedOut? = error as? HTTPClientError { true } else { false }
    }
    server.stop(graceSeconds: 0)
  }

  @Test func `TLS towards a server without it fails as such`() throws {
    let (server, url) = try server(Self.echo)
    #expect {
      try HTTPClient().send(
        HTTPClient.Request("GET", url.replacing("http://", with: "https://")))
    } throws: { error in
      if case .tls? = error as? HTTPClientError { true } else { false }
    }
    server.stop(graceSeconds: 0)
  }

  @Test(arguments: ["", "x", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "http:///a"])
  func `what is not an HTTP URL is refused`(url: String) {
    #expect(throws: HTTPClientError.badURL(url)) {
      try HTTPClient().send(HTTPClient.Request("GET", url))
    }
  }

  @Test func `a reply above the limit is refused`() throws {
    let (server, url) = try server { _, exchange in
      exchange.respond(HTTPResponse(status: 200, bytes: [UInt8](repeating: 0, count: 1001)))
    }
    var request = HTTPClient.Request("GET", url)
    request.replyBytesMax = 1000
    #expect(throws: HTTPClientError.tooLarge(url: url, limitBytes: 1000)) {
      try HTTPClient().send(request)
    }
    server.stop(graceSeconds: 0)
  }

  @Test func `a stream is handed over as it comes, until its end`() throws {
    let (server, url) = try server { _, exchange in
      let count = Atomic(0)
      exchange.respond(
        HTTPResponse(
          status: 200,
          body: .stream(
            HTTPStream { _ in
              let index = count.add(1, ordering: .relaxed).newValue
              return index > 100 ? .end : .data(Array("data: \(index)\n\n".utf8))
            })))
    }
    var parser = EventStreamParser()
    var events: [ServerSentEvent] = []
    let reply = try HTTPClient().stream(HTTPClient.Request("GET", url)) { bytes in
      events += parser.feed(bytes)
      return .goOn
    }
    #expect(reply.status == 200)
    #expect(events.map(\.data) == (1...100).map(String.init))
    server.stop(graceSeconds: 0)
  }

  @Test func `a receiver may stop an endless stream`() throws {
    let (server, url) = try server { _, exchange in
      exchange.respond(
        HTTPResponse(status: 200, body: .stream(HTTPStream { _ in .data([0x78]) })))
    }
    var count = 0
    let reply = try HTTPClient().stream(HTTPClient.Request("GET", url)) { bytes in
      count += bytes.count
      return count > 1000 ? .stop : .goOn
    }
    #expect(reply.status == 200)
    #expect(count > 1000)
    server.stop(graceSeconds: 0)
  }

  @Test func `an error instead of a stream comes as a whole`() throws {
    let (server, url) = try server { _, exchange in
      exchange.respond(HTTPResponse(status: 404, bytes: Array("no such job".utf8)))
    }
    let reply = try HTTPClient().stream(HTTPClient.Request("GET", url)) { _ in
      Issue.record("an error's body is not a part of the stream")
      return .goOn
    }
    #expect(reply.status == 404)
    #expect(reply.body == Array("no such job".utf8))
    server.stop(graceSeconds: 0)
  }
}
