/// Where a server listens, and every limit that it holds its clients to.
package struct HTTPServerConfiguration: Equatable, Sendable {
  /// A numeric IPv4 or IPv6 address, `0.0.0.0` or `::` for all.
  package var host: String
  /// 0 takes a free port; `HTTPServer.port` says which.
  package var port: UInt16
  /// Threads that read requests and write replies, 1 or more. A handler runs on one of them.
  package var threadCount: Int = 2
  /// Larger request bodies are refused with 413.
  package var bodyBytesMax: Int = 1 << 20
  /// A larger request line and header block is refused with 431.
  package var headBytesMax: Int = 32 << 10
  /// A connection on which nothing moves for this long is closed. Streams and replies that the
  /// handler still owes do not count.
  package var idleSecondsMax: Int = 30
  /// From the last reply, or the first byte, to the end of the next request. Ends clients that
  /// send a byte now and then to stay.
  package var requestSecondsMax: Int = 60
  /// A stream that has had nothing to say for this long sends its keep-alive bytes.
  package var streamKeepAliveSeconds: Int = 15
  /// Open connections in all, as far as the hard limit of open files has room for them. Further
  /// ones wait in the kernel's queue.
  package var connectionsMax: Int = 10_000
  /// Open connections from one address. Further ones are closed at once. On a loopback address
  /// every client shares one address.
  package var connectionsPerAddressMax: Int = 8_000

  package init(host: String = "127.0.0.1", port: UInt16 = 0) {
    self.host = host
    self.port = port
  }
}

/// Why a server did not start.
package enum HTTPServerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The host is not a numeric address of this machine.
  case badAddress(host: String)
  /// Another program listens on this port.
  case portInUse(host: String, port: UInt16)
  /// The operating system refused; its words.
  case notStarted(String)

  /// One line for the operator.
  package var description: String {
    switch self {
    case .badAddress(let host): "\(host) is not a numeric IP address of this machine"
    case .portInUse(let host, let port): "port \(port) on \(host) is in use by another program"
    case .notStarted(let reason): "the HTTP server did not start: \(reason)"
    }
  }
}
