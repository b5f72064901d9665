import Dispatch
import HTTPClient
import HTTPServer
import Synchronization
import Testing

struct ConcurrentTransfersTests {
  private func all(of transfers: ConcurrentTransfers) -> [ConcurrentTransfers.Completion] {
    var ended: [ConcurrentTransfers.Completion] = []
    while transfers.inFlight > 0 { ended += transfers.wait(secondsMax: 10) }
    return ended
  }

  @Test func `hundreds of requests are in flight on one thread`() throws {
    let owed = Mutex<[HTTPExchange]>([])
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { request, exchange in
      let waiting = owed.withLock { owed in
        owed.append(exchange)
        return owed.count
      }
      // Nobody is answered before all have asked.
      guard waiting == 300 else { return }
      for exchange in owed.withLock({ $0 }) {
        exchange.respond(HTTPResponse(status: 200, bytes: Array("here".utf8)))
      }
    }
    let transfers = ConcurrentTransfers(connectionsMax: 400)
    for tag in 0..<300 {
      transfers.start(
        HTTPClient.Request("POST", "http://127.0.0.1:\(server.port)/", body: [1, 2, 3]), tag: tag)
    }
    #expect(transfers.inFlight == 300)
    let ended = all(of: transfers)
    #expect(Set(ended.map(\.tag)) == Set(0..<300))
    for completion in ended {
      #expect(try completion.result.get().body == Array("here".utf8))
    }
    server.stop(graceSeconds: 0)
  }

  @Test func `each reply belongs to its request, over connections that are used again`() throws {
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { request, exchange in
      exchange.respond(HTTPResponse(status: 200, bytes: Array(request.rawPath.utf8) + request.body))
    }
    let transfers = ConcurrentTransfers(connectionsMax: 8)
    for round in 0..<5 {
      for tag in 0..<40 {
        transfers.start(
          HTTPClient.Request(
            "POST", "http://127.0.0.1:\(server.port)/\(round)/\(tag)", body: [UInt8(tag)]),
          tag: tag)
      }
      let ended = all(of: transfers)
      #expect(ended.count == 40)
      for completion in ended {
        let body = try completion.result.get().body
        #expect(body == Array("/\(round)/\(completion.tag)".utf8) + [UInt8(completion.tag)])
      }
    }
    server.stop(graceSeconds: 0)
  }

  @Test func `another thread ends a wait, also one that has not begun`() throws {
    let transfers = ConcurrentTransfers(connectionsMax: 1)
    let waker = transfers.waker
    waker.wake()
    #expect(transfers.wait(secondsMax: 3600).isEmpty)
    DispatchQueue.global().async { waker.wake() }
    #expect(transfers.wait(secondsMax: 3600).isEmpty)
  }

  @Test func `what cannot be reached or is no address fails alone`() throws {
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { _, exchange in
      exchange.respond(HTTPResponse(status: 503))
    }
    let gone = try HTTPServer(configuration: HTTPServerConfiguration()) { _, _ in }
    gone.stop(graceSeconds: 0)
    let transfers = ConcurrentTransfers(connectionsMax: 8)
    transfers.start(HTTPClient.Request("GET", "http://127.0.0.1:\(server.port)/"), tag: 1)
    transfers.start(HTTPClient.Request("GET", "http://127.0.0.1:\(gone.port)/"), tag: 2)
    transfers.start(HTTPClient.Request("GET", "ftp://127.0.0.1/"), tag: 3)
    transfers.start(HTTPClient.Request("GET", "nothing"), tag: 4)
    let results = Dictionary(
      uniqueKeysWithValues: all(of: transfers).map { ($0.tag, $0.result) })
    #expect(try results[1]?.get().status == 503)
    #expect(throws: HTTPClientError.badURL("ftp://127.0.0.1/")) { try results[3]?.get() }
    #expect(throws: HTTPClientError.badURL("nothing")) { try results[4]?.get() }
    guard case .failure(.unreachable) = results[2] else {
      Issue.record("expected unreachable, not \(String(describing: results[2]))")
      return
    }
    server.stop(graceSeconds: 0)
  }

  @Test func `a cancelled request is forgotten, and its handle serves another`() throws {
    let owed = Mutex<[HTTPExchange]>([])
    let server = try HTTPServer(configuration: HTTPServerConfiguration()) { request, exchange in
      if request.rawPath == "/never" {
        owed.withLock { $0.append(exchange) }
      } else {
        exchange.respond(HTTPResponse(status: 204))
      }
    }
    let transfers = ConcurrentTransfers(connectionsMax: 8)
    transfers.start(HTTPClient.Request("GET", "http://127.0.0.1:\(server.port)/never"), tag: 7)
    while owed.withLock(\.isEmpty) { #expect(transfers.wait(secondsMax: 0.01).isEmpty) }
    transfers.cancel(7)
    transfers.cancel(7)
    #expect(transfers.inFlight == 0)
    transfers.start(HTTPClient.Request("GET", "http://127.0.0.1:\(server.port)/now"), tag: 7)
    #expect(try all(of: transfers).first?.result.get().status == 204)
    server.stop(graceSeconds: 0)
  }
}
