// HTTP over libcurl, one blocking call for each request.
//
// Redirects are not followed: this program talks to servers whose address it was told, and a key
// that was meant for one host must not travel to another. A proxy of the environment is used,
// except for loopback addresses.

internal import CCurl
internal import Foundation
internal import Synchronization

/// Asks servers. It may be used from several threads; each call blocks its own.
package final class HTTPClient: Sendable {
  package struct Request: Sendable {
    package var method: String
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]?
    /// Until the connection stands.
    package var connectSecondsMax: Int = 10
    /// Until the reply is complete; nil, as for streams, waits for ever.
    package var secondsMax: Int? = 120
    /// Gives up when less than a byte a second came for so long.
    package var silentSecondsMax: Int = 60
    /// A reply with a longer body, streamed parts apart, is an error.
    package var replyBytesMax: Int = 256 << 20

    package init(
      _ method: String, _ url: String, headers: [(name: String, value: String)] = [],
      body: [UInt8]? = nil
    ) {
      self.method = method
      self.url = url
      self.headers = headers
      self.body = body
    }
  }

  package struct Response: Sendable {
    package var status: Int
    /// Names in lower case.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    /// The first header of that lower-case name.
    package func header(_ lowercaseName: String) -> String? {
      headers.first { $0.name == lowercaseName }?.value
    }
  }

  /// Whether a stream's receiver wants more.
  package enum Appetite: Sendable { case goOn, stop }

  /// The last handle that was used, with its open connection.
  private let idleHandle = Mutex<CurlHandle?>(nil)

  package init() {}

  /// - Returns: any reply, whatever its status.
  package func send(_ request: Request) throws(HTTPClientError) -> Response {
    try perform(request, Transfer(request))
  }

  /// Hands over the body of a 2xx reply as it comes; any other reply's body is in the result.
  ///
  /// - Parameter receive: called on this thread. After `.stop` the call returns normally.
  package func stream(
    _ request: Request, receive: @escaping ([UInt8]) -> Appetite
  ) throws(HTTPClientError) -> Response {
    var request = request
    request.secondsMax = nil
    return try perform(request, Transfer(request, receive: receive))
  }

  private func perform(
    _ request: Request, _ transfer: Transfer
  ) throws(HTTPClientError) -> Response {
    let host = try Self.host(of: request)
    let kept = idleHandle.withLock { $0.take() }
    var handle = kept ?? CurlHandle()
    let outcome = handle.perform(request, transfer, host: host)
    keep(handle)
    if let failure = transfer.failure(outcome) { throw failure }
    return transfer.response
  }

  static func host(of request: Request) throws(HTTPClientError) -> String {
    guard let host = URL(string: request.url).flatMap({ $0.host() }), !host.isEmpty else {
      throw .badURL(request.url)
    }
    return host
  }

  /// Whether a URL's host is this machine.
  package static func isLoopback(_ host: String) -> Bool {
    ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
  }

  private func keep(_ handle: consuming CurlHandle) {
    var handle: CurlHandle? = handle
    idleHandle.withLock { idle in
      if idle == nil { idle = handle.take() }
    }
  }
}
