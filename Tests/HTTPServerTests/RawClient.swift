import Foundation

/// A TCP client that sends exactly the bytes it is told to, as no HTTP client would.
final class RawClient {
  struct Reply: Equatable {
    var status: Int
    var head: String
    var body: String

    func header(_ name: String) -> String? {
      head.split(separator: "\r\n").dropFirst().first {
        $0.lowercased().hasPrefix(name.lowercased() + ":")
      }.map { $0.drop { $0 != ":" }.dropFirst().trimmingCharacters(in: .whitespaces) }
    }
  }

  enum Failure: Error { case notConnected, notHTTP(String) }

  private let socketDescriptor: Int32
  private var received: [UInt8] = []

  init(port: UInt16) throws {
    socketDescriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socketDescriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else { throw Failure.notConnected }
    // A server that hangs fails the test instead of stopping all.
    var patience = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(
      socketDescriptor, SOL_SOCKET, SO_RCVTIMEO, &patience,
      socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(socketDescriptor) }

  func send(_ text: String) { send(Array(text.utf8)) }

  /// The server may hang up in the middle; the reply tells.
  func send(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes {
        Foundation.send(socketDescriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard sent > 0 else { return }
      rest = rest.dropFirst(sent)
    }
  }

  /// Like a client that has gone away without closing its end properly: the next byte resets.
  func finishSending() { shutdown(socketDescriptor, Int32(SHUT_WR)) }

  /// The next reply on this connection, its chunks joined.
  func reply(toHead isHead: Bool = false) throws -> Reply {
    let head = try text(until: "\r\n\r\n")
    let status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
    var reply = Reply(status: status, head: head, body: "")
    if status == 100 { return try self.reply(toHead: isHead) }
    if isHead || status == 204 || status == 304 { return reply }
    if reply.header("transfer-encoding") == "chunked" {
      while let chunk = try chunk() { reply.body += chunk }
    } else if let length = reply.header("content-length").flatMap(Int.init) {
      reply.body = String(decoding: try bytes(length), as: UTF8.self)
    } else {
      reply.body = restUntilClosed()
    }
    return reply
  }

  func head() throws -> String { try text(until: "\r\n\r\n") }

  /// The next chunk of a chunked reply, nil after the last.
  func chunk() throws -> String? {
    // A line end is one Character.
    let size = try text(until: "\r\n").dropLast()
    guard let count = Int(size, radix: 16) else { throw Failure.notHTTP(String(size)) }
    let content = try bytes(count)
    _ = try bytes(2)
    return count == 0 ? nil : String(decoding: content, as: UTF8.self)
  }

  func restUntilClosed() -> String {
    while receive() {}
    defer { received = [] }
    return String(decoding: received, as: UTF8.self)
  }

  /// True when the server has closed and sent nothing more.
  var isClosedByServer: Bool { restUntilClosed().isEmpty }

  private func text(until end: String) throws -> String {
    let end = Array(end.utf8)
    while true {
      if let range = received.firstRange(of: end) {
        defer { received.removeSubrange(..<range.upperBound) }
        return String(decoding: received[..<range.upperBound], as: UTF8.self)
      }
      guard receive() else {
        throw Failure.notHTTP(String(decoding: received, as: UTF8.self))
      }
    }
  }

  private func bytes(_ count: Int) throws -> [UInt8] {
    while received.count < count {
      guard receive() else {
        throw Failure.notHTTP(String(decoding: received, as: UTF8.self))
      }
    }
    defer { received.removeFirst(count) }
    return Array(received[..<count])
  }

  private func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socketDescriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    received += buffer[..<count]
    return true
  }
}
