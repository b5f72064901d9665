import Dispatch
import Foundation
import HTTPServer
import Synchronization
import Testing

struct HTTPServerTests {
  @Test func `a handler sees method, decoded path, query, header and body`() throws {
    let server = try echoServer()
    let reply = try server.reply(
      to: "POST /v1/a%2Fb/%C3%A4 HTTP/1.1\r\nHost: a\r\nX-Test: \t yes \r\n"
        + "Content-Length: 5\r\n\r\nhello")
    #expect(reply.status == 200)
    #expect(reply.body == #"POST /v1/a%2Fb/%C3%A4 ["v1", "a/b", "ä"] [] yes hello"#)
    #expect(reply.header("content-type") == "text/plain")
  }

  @Test(arguments: [
    ("/", #"/ [""] []"#),
    ("/a/", #"/a/ ["a", ""] []"#),
    ("//a", #"//a ["", "a"] []"#),
    ("/a?x=1&y=%26+%2B&z&=q&x=2", #"/a ["a"] [x=1,y=& +,z=,=q,x=2]"#),
    ("/a+b?", #"/a+b ["a+b"] []"#),
    ("/%e2%82%ac?a?=b?", #"/%e2%82%ac ["€"] [a?=b?]"#),
    ("http://elsewhere/a?b=c", #"/a ["a"] [b=c]"#),
    ("http://elsewhere", #"/ [""] []"#),
    ("*", "* [] []"),
    ("/..%2f..%2fetc", #"/..%2f..%2fetc ["../../etc"] []"#),
  ])
  func `a target is taken apart`(target: String, seen: String) throws {
    #expect(try echoServer().reply(toTarget: target).body == "GET \(seen) - ")
  }

  @Test(arguments: [
    "/%00", "/?a=%00", "/%", "/%2", "/%zz", "/%ff", "/%c3%28", "/?%80", "a", "/a#b",
  ])
  func `a malformed target is refused by name`(target: String) throws {
    let reply = try echoServer().reply(toTarget: target)
    #expect(reply.status == 400)
    #expect(reply.header("content-type") == "application/problem+json")
    #expect(reply.body.contains("request target"))
  }

  @Test func `a chunked body arrives whole`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send("POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.send("3\r\nabc\r\n")
    client.send("A;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n")
    #expect(try client.reply().body == #"POST /c ["c"] [] - abc0123456789"#)
  }

  @Test func `pipelined requests are answered in order on one connection`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    let count = 50
    client.send(
      (0..<count).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok" }.joined())
    for index in 0..<count {
      #expect(try client.reply().body == #"POST /\#(index) ["\#(index)"] [] - ok"#)
    }
  }

  @Test func `a request may arrive byte by byte`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    for byte in "PUT /slow?a=b HTTP/1.1\r\nHost: a\r\nX-Test: v\r\nContent-Length: 2\r\n\r\nok".utf8
    {
      client.send([byte])
    }
    #expect(try client.reply().body == #"PUT /slow ["slow"] [a=b] v ok"#)
  }

  @Test func `HEAD has the headers of GET and no body`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n")
    let head = try client.reply(toHead: true)
    #expect(head.header("content-length") == "\(#"HEAD /a ["a"] [] - "#.utf8.count)")
    #expect(try client.reply().body == #"GET /b ["b"] [] - "#)
  }

  @Test func `HTTP 1_0 without Host is answered, and the connection closes`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send("GET /old HTTP/1.0\r\n\r\n")
    #expect(try client.reply().status == 200)
    #expect(client.isClosedByServer)
  }

  @Test func `a reply may come later from another thread`() throws {
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { request, exchange in
      DispatchQueue.global().async {
        exchange.respond(HTTPResponse(status: 201, bytes: Array(request.rawPath.utf8)))
      }
    }
    let client = try RawClient(port: server.port)
    for index in 0..<200 {
      client.send("GET /\(index) HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.reply().body == "/\(index)")
    }
  }

  @Test func `only the first reply counts`() throws {
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      for status in [202, 500] { exchange.respond(HTTPResponse(status: status)) }
    }
    #expect(try server.reply(toTarget: "/").status == 202)
  }

  @Test func `a reply whose header breaks the line becomes a 500`() throws {
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      exchange.respond(HTTPResponse(status: 200, headers: [(name: "X", value: "a\r\nSet: b")]))
    }
    let reply = try server.reply(toTarget: "/")
    #expect(reply.status == 500)
    #expect(!reply.head.contains("Set: b"))
  }

  @Test func `a port in use and a foreign address are named`() throws {
    let server = try echoServer()
    #expect(throws: HTTPServerError.portInUse(host: "127.0.0.1", port: server.port)) {
      try echoServer { $0.port = server.port }
    }
    for host in ["localhost:80", "", "1.2.3.4.5", "203.0.113.1"] {
      #expect(throws: HTTPServerError.badAddress(host: host)) { try echoServer { $0.host = host } }
    }
  }

  @Test func `stopping answers those who wait, and frees the port`() throws {
    let arrived = DispatchSemaphore(value: 0)
    let owed = Mutex<[HTTPExchange]>([])
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      owed.withLock { $0.append(exchange) }
      arrived.signal()
    }
    let clients = try (0..<8).map { _ in try RawClient(port: server.port) }
    for client in clients { client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n") }
    for _ in clients { arrived.wait() }
    server.stop(graceSeconds: 0)
    server.stop(graceSeconds: 0)
    for client in clients { #expect(try client.reply().status == 503) }
    for exchange in owed.withLock({ $0 }) { exchange.respond(HTTPResponse(status: 200)) }
    #expect(throws: Never.self) { try echoServer { $0.port = server.port } }
  }

  @Test func `a stop waits for a reply that comes within the grace`() throws {
    let arrived = DispatchSemaphore(value: 0)
    let owed = Mutex<HTTPExchange?>(nil)
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      owed.withLock { $0 = exchange }
      arrived.signal()
    }
    let client = try RawClient(port: server.port)
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
    arrived.wait()
    let stopped = DispatchSemaphore(value: 0)
    DispatchQueue.global().async {
      server.stop(graceSeconds: 30)
      stopped.signal()
    }
    owed.withLock { $0 }?.respond(HTTPResponse(status: 200))
    #expect(try client.reply().status == 200)
    stopped.wait()
  }
}
