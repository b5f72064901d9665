import Dispatch
import Foundation
import HTTPServer
import Synchronization
import Testing

/// A queue of chunks with a stream at its end, as a producer of events would have.
final class Feed: Sendable {
  private let chunks = Mutex<[HTTPStream.Chunk]>([])
  private let stream = Mutex<HTTPStream?>(nil)
  let closed = DispatchSemaphore(value: 0)

  func makeStream() -> HTTPStream {
    let made = HTTPStream(onClose: { [closed] in closed.signal() }) { [weak self] _ in
      self?.chunks.withLock { $0.isEmpty ? .wait : $0.removeFirst() } ?? .end
    }
    stream.withLock { $0 = made }
    return made
  }

  func push(_ chunk: HTTPStream.Chunk) {
    chunks.withLock { $0.append(chunk) }
    stream.withLock { $0 }?.wake()
  }

  func push(_ text: String) { push(.data(Array(text.utf8))) }
}

struct HTTPStreamTests {
  static func server(
    _ feed: Feed, _ change: (inout HTTPServerConfiguration) -> Void = { _ in }
  ) throws -> HTTPServer {
    var configuration = HTTPServerConfiguration()
    change(&configuration)
    return try HTTPServer(configuration: configuration) { _, exchange in
      exchange.respond(
        HTTPResponse(
          status: 200, headers: [(name: "Content-Type", value: "text/event-stream")],
          body: .stream(feed.makeStream())))
    }
  }

  static let request = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test func `each event arrives when it is there, and the end ends it`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    let client = try RawClient(port: server.port)
    client.send(Self.request)
    #expect(try client.head().contains("text/event-stream"))
    for index in 0..<300 {
      feed.push("data: \(index)\n\n")
      #expect(try client.chunk() == "data: \(index)\n\n")
    }
    feed.push(.end)
    #expect(try client.chunk() == nil)
    feed.closed.wait()
  }

  @Test func `a chunk larger than any buffer arrives whole`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    let text = String(repeating: "0123456789", count: 100_000)
    feed.push(text)
    feed.push(.end)
    #expect(try server.reply(to: Self.request).body == text)
  }

  @Test func `events pushed from many threads lose no wake`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    let client = try RawClient(port: server.port)
    client.send(Self.request)
    DispatchQueue.global().async {
      DispatchQueue.concurrentPerform(iterations: 2000) { _ in feed.push("x") }
      feed.push(.end)
    }
    #expect(try client.reply().body.utf8.count == 2000)
  }

  @Test func `an HTTP 1_0 client gets the bytes and then the end`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    feed.push("a")
    feed.push("b")
    feed.push(.end)
    let client = try RawClient(port: server.port)
    client.send("GET / HTTP/1.0\r\n\r\n")
    #expect(try client.reply().body == "ab")
  }

  @Test func `a silent stream says that it lives`() throws {
    let feed = Feed()
    let server = try Self.server(feed) { $0.streamKeepAliveSeconds = 1 }
    let client = try RawClient(port: server.port)
    client.send(Self.request)
    _ = try client.head()
    #expect(try client.chunk() == ": keep-alive\n\n")
    feed.push("data: 1\n\n")
    #expect(try client.chunk() == "data: 1\n\n")
  }

  @Test func `a client that leaves is noticed though nothing is sent`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    try {
      let client = try RawClient(port: server.port)
      client.send(Self.request)
      _ = try client.head()
    }()
    feed.closed.wait()
    #expect(try server.reply(to: "HEAD / HTTP/1.0\r\n\r\n").status == 200)
  }

  @Test func `a HEAD of a stream closes it at once`() throws {
    let feed = Feed()
    let server = try Self.server(feed)
    let client = try RawClient(port: server.port)
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.reply(toHead: true).status == 200)
    feed.closed.wait()
  }

  @Test func `stopping ends every stream`() throws {
    let feeds = (0..<20).map { _ in Feed() }
    let opened = Atomic(0)
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      let index = opened.wrappingAdd(1, ordering: .relaxed).oldValue
      exchange.respond(HTTPResponse(status: 200, body: .stream(feeds[index].makeStream())))
    }
    let clients = try feeds.map { _ in try RawClient(port: server.port) }
    for client in clients {
      client.send(Self.request)
      _ = try client.head()
    }
    server.stop()
    for client in clients { #expect(try client.chunk() == nil) }
    for feed in feeds { feed.closed.wait() }
  }

  @Test func `streams live and die while others do, and each closes once`() throws {
    let closings = Atomic(0)
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      let isFirst = Atomic(true)
      let stream = HTTPStream(onClose: { closings.add(1, ordering: .relaxed) }) { _ in
        isFirst.exchange(false, ordering: .relaxed) ? .data([0x61]) : .wait
      }
      exchange.respond(HTTPResponse(status: 200, body: .stream(stream)))
      DispatchQueue.global().async { for _ in 0..<20 { stream.wake() } }
    }
    let count = 300
    for _ in 0..<count {
      let client = try RawClient(port: server.port)
      client.send(Self.request)
      _ = try client.head()
    }
    server.stop()
    #expect(closings.load(ordering: .relaxed) == count)
  }
}
