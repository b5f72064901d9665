/// Why there is no reply. Each case holds the address that was asked.
package enum HTTPClientError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Not an `http://` or `https://` URL.
  case badURL(String)
  /// No server answers there: unknown name, refused connection, no route.
  case unreachable(url: String, reason: String)
  /// The server took the request, or the connection, but did not answer in time.
  case timedOut(url: String, reason: String)
  /// The server's certificate is not trusted, or TLS failed otherwise.
  case tls(url: String, reason: String)
  /// The reply exceeds what the caller allows.
  case tooLarge(url: String, limitBytes: Int)
  /// The connection broke off in the middle, or what came was not HTTP.
  case broken(url: String, reason: String)

  /// One line for a person.
  package var description: String {
    switch self {
    case .badURL(let url): "\(url) is not an http:// or https:// URL"
    case .unreachable(let url, let reason): "no server answers at \(url): \(reason)"
    case .timedOut(let url, let reason): "\(url) did not answer in time: \(reason)"
    case .tls(let url, let reason): "no secure connection to \(url): \(reason)"
    case .tooLarge(let url, let limit): "the reply of \(url) exceeds \(limit) bytes"
    case .broken(let url, let reason): "\(url) broke off: \(reason)"
    }
  }
}
