internal import CMicrohttpd
internal import Foundation
internal import Synchronization

/// What is known of one open connection, whichever request it carries now.
final class ClientConnection: Sendable {
  let socket: Int32
  /// The peer's numeric address, empty when it is neither IPv4 nor IPv6.
  let address: String
  /// The second in which the last reply ended, or the connection began. 0 while a reply is owed.
  let awaitingRequestSince: Atomic<Int>

  init(_ connection: OpaquePointer, second: Int) {
    socket = mhd_shim_socket(connection)
    address = mhd_shim_peer(connection).map(Self.numericAddress) ?? ""
    awaitingRequestSince = Atomic(second)
  }

  private static func numericAddress(_ peer: UnsafePointer<sockaddr>) -> String {
    let isIPv6 = Int32(peer.pointee.sa_family) == AF_INET6
    let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { text in
      let failure = getnameinfo(
        peer, socklen_t(size), text.baseAddress, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
      guard failure == 0, let start = text.baseAddress else { return "" }
      return String(cString: start)
    }
  }
}
