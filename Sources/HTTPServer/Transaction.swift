internal import CMicrohttpd

/// One request on its way in, from its first line to its reply.
///
/// libmicrohttpd owns it through a pointer and calls it on one thread only.
final class Transaction {
  private enum Phase {
    case head
    case body(RequestHead)
    /// The body is read to its end, and dropped, so that the client reads our refusal rather than
    /// a reset connection.
    case discarding(Refusal)
    case handed
  }

  /// How much of a too large body is read before the connection is cut.
  private static let discardedBytesMax = 16 << 20

  private let target: [UInt8]
  private var phase = Phase.head
  private var body: [UInt8] = []
  private var discardedBytes = 0
  private var exchange: HTTPExchange?

  /// - Parameter target: the request target, before libmicrohttpd decodes it.
  init(target: [UInt8]) { self.target = target }

  var headIsRead: Bool { if case .head = phase { false } else { true } }

  /// The whole head is there.
  func headEnded(
    _ cut: CutRequestLine, on connection: OpaquePointer, of core: ServerCore
  ) -> MHD_Result {
    let limit = core.configuration.bodyBytesMax
    do throws(Refusal) {
      let head = try RequestHead(
        headBytes(cut, connection), bytesMax: core.configuration.headBytesMax)
      phase = .body(head)
      guard case .length(let count) = head.body else { return .YES }
      guard count <= limit else {
        let refusal = Refusal.bodyTooLarge(limitBytes: limit)
        // A client that asks first, or wants to send too much, gets the answer at once.
        if count > Self.discardedBytesMax || head.headers["expect"] != nil { throw refusal }
        phase = .discarding(refusal)
        return .YES
      }
      body.reserveCapacity(count)
      return .YES
    } catch {
      phase = .handed
      return core.reply(error.response, on: connection)
    }
  }

  /// A part of the body is there. Without a reply possible yet, the only refusal is to hang up.
  func bodyCame(_ bytes: UnsafeRawBufferPointer, of core: ServerCore) -> MHD_Result {
    let limit = core.configuration.bodyBytesMax
    switch phase {
    case .body where body.count + bytes.count <= limit: body.append(contentsOf: bytes)
    case .body:
      body = []
      phase = .discarding(.bodyTooLarge(limitBytes: limit))
    case .head, .discarding, .handed: break
    }
    guard case .discarding = phase else { return .YES }
    discardedBytes += bytes.count
    return discardedBytes <= Self.discardedBytesMax ? .YES : .NO
  }

  /// The whole request is there; or its connection was resumed and the reply is there.
  func requestEnded(on connection: OpaquePointer, of core: ServerCore) -> MHD_Result {
    switch phase {
    case .head: return .NO
    case .discarding(let refusal):
      phase = .handed
      return core.reply(refusal.response, on: connection)
    case .body(let head):
      phase = .handed
      let exchange = HTTPExchange()
      self.exchange = exchange
      core.handle(request(head, core.connection(of: connection)), exchange)
      body = []
    case .handed: break
    }
    guard let exchange else { return .YES }
    guard let response = exchange.responseOrSuspend(connection) else {
      core.registry.owes(exchange, socket: mhd_shim_socket(connection))
      return .YES
    }
    return core.reply(response, on: connection)
  }

  /// The reply was sent, or the client left.
  func ended(of core: ServerCore) {
    guard let exchange else { return }
    exchange.close()
    core.registry.settled(exchange)
    core.handledRequestEnded()
  }

  private func request(_ head: RequestHead, _ client: ClientConnection?) -> HTTPRequest {
    HTTPRequest(
      method: head.method, rawPath: head.target.rawPath, path: head.target.path,
      query: head.target.query, headers: head.headers, body: body,
      remoteAddress: client?.address ?? "")
  }

  private func headBytes(
    _ cut: CutRequestLine, _ connection: OpaquePointer
  ) -> RequestHeadBytes {
    var fields: [RequestHeadBytes.Field] = []
    withUnsafeMutablePointer(to: &fields) { fields in
      _ = MHD_get_connection_values_n(
        connection, .HEADER_KIND,
        { context, _, name, nameCount, value, valueCount in
          context?.assumingMemoryBound(to: [RequestHeadBytes.Field].self).pointee.append(
            RequestHeadBytes.Field(
              name: UnsafeBufferPointer(start: name, count: nameCount),
              value: UnsafeBufferPointer(start: value, count: valueCount)))
          return .YES
        }, fields)
    }
    return RequestHeadBytes(
      method: cut.method, url: cut.url, version: cut.version, target: target,
      count: mhd_shim_head_bytes(connection), fields: fields)
  }
}

/// The pointers between which libmicrohttpd has cut a request line.
struct CutRequestLine {
  var method: UnsafePointer<CChar>
  var url: UnsafePointer<CChar>
  var version: UnsafePointer<CChar>
}
