internal import Foundation

/// A bound, listening TCP socket.
struct ListeningSocket: ~Copyable {
  let descriptor: Int32
  let port: UInt16

  /// Binds here rather than in libmicrohttpd, whose only error is a null pointer.
  init(host: String, port: UInt16) throws(HTTPServerError) {
    descriptor = try Self.listeningDescriptor(host: host, port: port)
    self.port = Self.boundPort(of: descriptor)
  }

  deinit { close(descriptor) }

  private static func listeningDescriptor(
    host: String, port: UInt16
  ) throws(HTTPServerError) -> Int32 {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found?.pointee else {
      throw .badAddress(host: host)
    }
    defer { freeaddrinfo(found) }

    let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
    let descriptor = socket(address.ai_family, Int32(kind), 0)
    guard descriptor >= 0 else { throw .notStarted(String(cString: strerror(errno))) }
    // A restarted daemon must not wait for its predecessor's connections to time out.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    if bind(descriptor, address.ai_addr, address.ai_addrlen) == 0,
      listen(descriptor, SOMAXCONN) == 0
    {
      return descriptor
    }
    let reason = errno
    close(descriptor)
    switch reason {
    case EADDRINUSE: throw .portInUse(host: host, port: port)
    case EADDRNOTAVAIL: throw .badAddress(host: host)
    default: throw .notStarted(String(cString: strerror(reason)))
    }
  }

  private static func boundPort(of descriptor: Int32) -> UInt16 {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &address) { bytes in
      getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
      // sin_port and sin6_port lie at the same place.
      return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }
  }
}
