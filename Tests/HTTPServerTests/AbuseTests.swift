import Foundation
import HTTPServer
import TestSupport
import Testing

struct AbuseTests {
  /// Each is one request that another program may understand in another way than we would.
  static let smugglingShapes: [(String, Int)] = [
    (
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400
    ),
    (
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
      400
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length\t: 3\r\n\r\nabc", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    (
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
      501
    ),
    ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n 3\r\n\r\nabc", 400),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400),
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n\0X: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX\0Y: ab\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\0\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1B}[2J\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7F}\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nÄ: b\r\n\r\n", 400),
    ("GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("G\0T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET /ä HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
  ]

  @Test(arguments: smugglingShapes)
  func `an ambiguous request is refused, and nothing behind it is read`(
    shape: String, status: Int
  ) throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send(shape + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    let everything = client.restUntilClosed()
    #expect(everything.hasPrefix("HTTP/1.1 \(status) "), "\(everything)")
    #expect(!everything.contains("smuggled"))
    #expect(everything.components(separatedBy: "\r\nDate: ").count == 2)
  }

  @Test(arguments: ["", "+3", "-3", "0x3", "3, 3", "3 3", "3.0", "9999999999999999999999999"])
  func `a Content-Length that is no number is refused, and nothing behind it is read`(
    length: String
  ) throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(length)\r\n\r\n"
        + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    let everything = client.restUntilClosed()
    #expect(everything.hasPrefix("HTTP/1.1 4"), "\(everything)")
    #expect(!everything.contains("smuggled"))
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nhOsT:a\r\nX:\r\nY: \t \r\nZ: ä\r\n\r\n",
    "GET /?a=b&c HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=\"d\"; ;=;\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb:c \r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n0\r\n\r\n",
  ])
  func `a request that is merely unusual is served`(request: String) throws {
    #expect(try echoServer().reply(to: request).status == 200)
  }

  @Test func `a body above the limit is refused with the limit named`() throws {
    let server = try echoServer { $0.bodyBytesMax = 1000 }
    let body = String(repeating: "x", count: 1001)
    let head = "POST / HTTP/1.1\r\nHost: a\r\n"
    let chunk = "3e9\r\n\(body)\r\n0\r\n\r\n"
    for request in [
      head + "Content-Length: 1001\r\n\r\n" + body,
      head + "Transfer-Encoding: chunked\r\n\r\n" + chunk,
      head + "Content-Length: 2147483648\r\n\r\n",
      head + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
      head + "Content-Length: 99999999999999999999999\r\n\r\n",
    ] {
      let reply = try server.reply(to: request)
      #expect(reply.status == 413, "\(request.prefix(80))")
    }
    let reply = try server.reply(to: head + "Content-Length: 1001\r\n\r\n" + body)
    #expect(reply.body.contains("1000 bytes"))
    let whole = head + "Content-Length: 1000\r\n\r\n" + body.dropLast()
    #expect(try server.reply(to: whole).status == 200)
  }

  @Test func `an endless body is cut off`() throws {
    let server = try echoServer()
    let client = try RawClient(port: server.port)
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    let chunk =
      Array("100000\r\n".utf8) + [UInt8](repeating: 0, count: 1 << 20) + Array("\r\n".utf8)
    for _ in 0..<64 { client.send(chunk) }
    #expect(client.isClosedByServer)
    #expect(try server.reply(toTarget: "/").status == 200)
  }

  @Test func `a head is served up to its limit and refused above`() throws {
    let server = try echoServer()
    func head(bytes: Int) -> String {
      let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n"
      return frame.replacing(
        "X: ", with: "X: " + String(repeating: "v", count: bytes - frame.utf8.count))
    }
    #expect(try server.reply(to: head(bytes: 32 << 10)).status == 200)
    #expect(try server.reply(to: head(bytes: (32 << 10) + 1)).status == 431)
    #expect(try server.reply(to: head(bytes: 64 << 10)).status == 431)
    let many = (0..<3000).map { "X\($0): v\r\n" }.joined()
    #expect(try server.reply(to: "GET / HTTP/1.1\r\nHost: a\r\n\(many)\r\n").status == 431)
    let ampersands = "/?" + String(repeating: "&", count: 20_000)
    #expect(try server.reply(toTarget: ampersands).status == 200)
    let long = "/" + String(repeating: "a", count: 100_000)
    #expect([414, 431].contains(try server.reply(toTarget: long).status))
  }

  @Test func `a client that trickles its request is cut off in the end`() throws {
    let server = try echoServer { $0.requestSecondsMax = 1 }
    let client = try RawClient(port: server.port)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n")
    #expect(client.isClosedByServer)
  }

  @Test func `an idle connection is closed`() throws {
    let server = try echoServer { $0.idleSecondsMax = 1 }
    let client = try RawClient(port: server.port)
    #expect(client.isClosedByServer)
  }

  @Test func `one address gets no more connections than it may`() throws {
    let server = try echoServer { $0.connectionsPerAddressMax = 3 }
    var clients: [RawClient] = []
    for _ in 0..<3 {
      let client = try RawClient(port: server.port)
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(try client.reply().status == 200)
      clients.append(client)
    }
    #expect(try RawClient(port: server.port).isClosedByServer)
    clients.removeLast()
    // The server notices the departure when its thread next runs; a refused attempt is closed at
    // once, so asking again costs no time.
    var served = false
    for _ in 0..<1000 where !served { served = (try? server.reply(toTarget: "/").status) == 200 }
    #expect(served)
  }

  @Test func `many unfinished requests do not hold up a finished one`() throws {
    let server = try echoServer()
    let slow = try (0..<200).map { _ in try RawClient(port: server.port) }
    for (index, client) in slow.enumerated() {
      client.send(String("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12".prefix(index)))
    }
    for _ in 0..<50 { #expect(try server.reply(toTarget: "/quick").status == 200) }
  }

  @Test func `damaged requests get an error or a closed connection, never silence`() throws {
    let seed = UInt64.random(in: 0 ... .max)
    var random = SplitMix64(seed: seed)
    let server = try echoServer { $0.idleSecondsMax = 1 }
    let whole = Array(
      ("POST /a%20b?c=d&e HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n").utf8)
    // All are sent before the first reply is read, so that those that end in the idle time wait
    // for it together.
    let clients = try (0..<400).map { _ in
      let client = try RawClient(port: server.port)
      client.send(damaged(whole, using: &random))
      client.finishSending()
      return client
    }
    for client in clients {
      let reply = client.restUntilClosed()
      #expect(reply.isEmpty || reply.hasPrefix("HTTP/1.1 "), "seed \(seed): \(reply)")
    }
    #expect(try server.reply(toTarget: "/after").status == 200, "seed \(seed)")
  }

  private func damaged(_ whole: [UInt8], using random: inout SplitMix64) -> [UInt8] {
    var bytes = whole
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      case 2: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
      default: bytes[place] = Array("\0\r\n :\t%&=".utf8).randomElement(using: &random) ?? 0
      }
    }
    return bytes
  }
}
