internal import CCurl

/// One request's reply as it comes in.
final class Transfer {
  private enum End { case none, tooLarge, stopped }

  private let request: HTTPClient.Request
  private let receive: (([UInt8]) -> HTTPClient.Appetite)?
  private var end = End.none
  private(set) var response = HTTPClient.Response(status: 0, headers: [], body: [])

  init(
    _ request: HTTPClient.Request, receive: (([UInt8]) -> HTTPClient.Appetite)? = nil
  ) {
    self.request = request
    self.receive = receive
  }

  func receiveHeaderLine(_ line: UnsafeRawBufferPointer) {
    // A new head begins: after a 100, or a proxy's reply.
    if line.starts(with: Self.headStart) {
      let code = line.drop { $0 != UInt8(ascii: " ") }.dropFirst()
        .prefix { (0x30...0x39).contains($0) }
      let status = code.prefix(9).reduce(0) { $0 * 10 + Int($1 - 0x30) }
      response = HTTPClient.Response(status: status, headers: [], body: [])
      return
    }
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return }
    let isBlank: (UInt8) -> Bool = { $0 <= 0x20 }
    let name = Self.lowercased(UnsafeRawBufferPointer(rebasing: line[..<colon]))
    var value = line[(colon + 1)...].drop(while: isBlank)
    while let last = value.last, isBlank(last) { value.removeLast() }
    let text = String(decoding: UnsafeRawBufferPointer(rebasing: value), as: UTF8.self)
    response.headers.append((name: name, value: text))
    if receive == nil, name == "content-length", let count = Int(text) {
      // What a server says is not allowed to take memory before it comes.
      response.body.reserveCapacity(min(max(0, count), 1 << 20))
    }
  }

  private static func lowercased(_ name: UnsafeRawBufferPointer) -> String {
    String(unsafeUninitializedCapacity: name.count) { text in
      for index in name.indices {
        let byte = name[index]
        text[index] = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
      }
      return name.count
    }
  }

  private static let headStart = Array("HTTP/".utf8)

  func receiveBody(_ bytes: UnsafeRawBufferPointer) -> HTTPClient.Appetite {
    if let receive, (200..<300).contains(response.status) {
      if receive(Array(bytes)) == .goOn { return .goOn }
      end = .stopped
      return .stop
    }
    guard response.body.count + bytes.count <= request.replyBytesMax else {
      end = .tooLarge
      return .stop
    }
    response.body.append(contentsOf: bytes)
    return .goOn
  }

  /// What the outcome means for the caller, nil when there is a reply.
  func failure(_ outcome: CurlHandle.Outcome) -> HTTPClientError? {
    let (url, reason) = (request.url, outcome.reason)
    switch end {
    case .stopped: return nil
    case .tooLarge: return .tooLarge(url: url, limitBytes: request.replyBytesMax)
    case .none: break
    }
    switch outcome.code {
    case CURLE_OK: return nil
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: return .badURL(url)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT,
      CURLE_INTERFACE_FAILED:
      return .unreachable(url: url, reason: reason)
    case CURLE_OPERATION_TIMEDOUT:
      // Nothing was sent yet when even the connection took too long.
      return .timedOut(url: url, reason: reason)
    case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
      CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_INVALIDCERTSTATUS, CURLE_USE_SSL_FAILED:
      return .tls(url: url, reason: reason)
    default: return .broken(url: url, reason: reason)
    }
  }
}
