internal import Foundation
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#endif

/// A teacher on a loopback socket that misbehaves as told, below HTTP too.
///
/// It answers a prompt with the prompt's own words, a token a byte.
package final class TeacherStub: Sendable {
  package enum Fault: CaseIterable, Sendable {
    case keyRefused, tooMany, serverError, halfBody, garbage, emptyTopLogprobs, sentinels, hang
    case closedSocket
  }

  package struct Asked: Sendable {
    /// Requests for each prompt.
    package var requests: [String: Int] = [:]
    /// Good replies that left, for each prompt: what is paid for.
    package var paid: [String: Int] = [:]
    /// Values of Authorization and Idempotency-Key.
    package var authorizations: Set<String> = []
    package var idempotencyKeys: [String: Set<String>] = [:]
    /// Requests that are being answered; those that hang do not count.
    package var busy = 0
    package var busiest = 0
    fileprivate var isStopped = false
    fileprivate var hanging: [Int32] = []
  }

  package let port: UInt16
  private let socket: Int32
  private let asked = Mutex(Asked())
  /// What is wrong with a request; nil answers it.
  private let fault: @Sendable (_ prompt: String, _ attempt: Int) -> Fault?
  /// Another reply than a good one, whole with its status line.
  private let special: @Sendable (_ prompt: String, _ attempt: Int) -> String?

  package init(
    fault: @escaping @Sendable (_ prompt: String, _ attempt: Int) -> Fault? = { _, _ in nil },
    special: @escaping @Sendable (_ prompt: String, _ attempt: Int) -> String? = { _, _ in nil }
  ) throws {
    self.fault = fault
    self.special = special
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(INADDR_LOOPBACK).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let socket = socket
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(socket, address, length) == 0 && listen(socket, 512) == 0
          && getsockname(socket, address, &length) == 0
      }
    }
    guard isBound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [weak self] in
      while true {
        let connection = accept(socket, nil, nil)
        guard connection >= 0 else { return }
        guard let stub = self else {
          close(connection)
          return
        }
        Thread.detachNewThread { stub.serve(connection) }
      }
    }
  }

  deinit { stop() }

  package var url: String { "http://127.0.0.1:\(port)/v1" }

  /// What was asked so far.
  package var report: Asked { asked.withLock { $0 } }

  /// Requests that hang and that the asker still waits for.
  package var hangingCount: Int {
    asked.withLock { asked in
      asked.hanging.count { connection in
        var byte: UInt8 = 0
        // Nothing to read, and not the end either.
        return recv(connection, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) != 0
      }
    }
  }

  package func stop() {
    let hanging = asked.withLock { asked -> [Int32]? in
      defer {
        asked.isStopped = true
        asked.hanging = []
      }
      return asked.isStopped ? nil : asked.hanging
    }
    guard let hanging else { return }
    shutdown(socket, Int32(SHUT_RDWR))
    close(socket)
    for connection in hanging { close(connection) }
  }

  private func serve(_ connection: Int32) {
    var buffer: [UInt8] = []
    while let (head, body) = Self.request(connection, &buffer) {
      asked.withLock { asked in
        asked.busy += 1
        asked.busiest = max(asked.busiest, asked.busy)
      }
      let goesOn = answer(connection, head: head, body: body)
      asked.withLock { $0.busy -= 1 }
      switch goesOn {
      case .goOn: continue
      case .hang:
        return asked.withLock { $0.hanging.append(connection) }
      case .close:
        close(connection)
        return
      }
    }
    close(connection)
  }

  private enum Outcome { case goOn, hang, close }

  private func answer(_ connection: Int32, head: String, body: [UInt8]) -> Outcome {
    struct Message: Decodable { let content: String }
    struct Body: Decodable {
      let prompt: String?
      let messages: [Message]?
      let stream: Bool?
      let temperature: Double?
    }
    if head.hasPrefix("GET ") {
      Self.send(connection, 200, #"{"data":[{"id":"small"},{"id":"large"}]}"#)
      return .goOn
    }
    guard let body = try? JSONDecoder().decode(Body.self, from: Data(body)),
      let prompt = body.prompt ?? body.messages?.last?.content
    else { return .close }
    let attempt = note(prompt, head)
    if let reply = special(prompt, attempt) {
      Self.write(connection, reply)
      return .goOn
    }
    let good = Self.reply(to: prompt, isStreamed: body.stream == true)
    switch fault(prompt, attempt) {
    case nil:
      asked.withLock { $0.paid[prompt, default: 0] += 1 }
      Self.send(connection, 200, good, isStreamed: body.stream == true)
      return .goOn
    case .keyRefused: Self.send(connection, 401, #"{"error":{"message":"bad key sk-secret"}}"#)
    case .tooMany:
      Self.send(connection, 429, #"{"error":{"message":"slow down"}}"#, head: "Retry-After: 2\r\n")
    case .serverError: Self.send(connection, 500, "<html>oops</html>")
    case .halfBody:
      Self.write(
        connection,
        "HTTP/1.1 200 OK\r\nContent-Length: \(good.utf8.count)\r\n\r\n"
          + good.prefix(good.count / 2))
      return .close
    case .garbage: Self.send(connection, 200, "\u{0}\u{1}not json at all")
    case .emptyTopLogprobs:
      Self.send(connection, 200, Self.reply(to: prompt, candidates: { _ in "" }))
    case .sentinels:
      Self.send(
        connection, 200,
        Self.reply(
          to: prompt + "12345678",
          candidates: { #"\#($0),{"token":"?","logprob":-9999,"bytes":[63]}"# }, logprob: 0))
    case .hang: return .hang
    case .closedSocket: return .close
    }
    return .goOn
  }

  private func note(_ prompt: String, _ head: String) -> Int {
    asked.withLock { asked in
      for line in head.split(separator: "\r\n") {
        if line.hasPrefix("Authorization: ") {
          asked.authorizations.insert(String(line.dropFirst(15)))
        } else if line.hasPrefix("Idempotency-Key: ") {
          asked.idempotencyKeys[prompt, default: []].insert(String(line.dropFirst(17)))
        }
      }
      asked.requests[prompt, default: 0] += 1
      return asked.requests[prompt] ?? 0
    }
  }

  // MARK: - Replies

  /// A chat reply that says the prompt again, byte by byte.
  package static func reply(
    to prompt: String, isStreamed: Bool = false,
    candidates: (String) -> String = {
      #"\#($0),{"token":"?","logprob":-2.5,"bytes":[63]}"#
    }, logprob: Double = -0.25
  ) -> String {
    let entries = prompt.utf8.map { byte in
      let token = #"{"token":"b","logprob":\#(logprob),"bytes":[\#(byte)]"#
      return #"\#(token),"top_logprobs":[\#(candidates(token + "}"))]}"#
    }
    let content = JSONString(prompt)
    let usage =
      #""usage":{"prompt_tokens":\#(prompt.utf8.count),"completion_tokens":\#(entries.count)}"#
    guard isStreamed else {
      return
        #"{"model":"stub","choices":[{"message":{"content":\#(content)},"logprobs":{"content":"#
        + "[\(entries.joined(separator: ","))]},"
        + #""finish_reason":"stop"}],\#(usage)}"#
    }
    let first =
      #"{"model":"stub","choices":[{"delta":{"content":\#(content)},"logprobs":{"content":"#
      + "[\(entries.joined(separator: ","))]}}]}"
    let last = #"{"choices":[{"delta":{},"finish_reason":"stop"}],\#(usage)}"#
    return "data: \(first)\n\ndata: \(last)\n\ndata: [DONE]\n\n"
  }

  private static func JSONString(_ text: String) -> String {
    let data = (try? JSONEncoder().encode(text)) ?? Data()
    return String(decoding: data, as: UTF8.self)
  }

  // MARK: - HTTP, as little as it takes

  private static func request(
    _ connection: Int32, _ buffer: inout [UInt8]
  ) -> (head: String, body: [UInt8])? {
    let end = Array("\r\n\r\n".utf8)
    while true {
      if let range = buffer.firstRange(of: end) {
        let head = String(decoding: buffer[..<range.lowerBound], as: UTF8.self)
        let length =
          head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("content-length:") }
          .flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) } ?? 0
        if buffer.count >= range.upperBound + length {
          let body = Array(buffer[range.upperBound..<(range.upperBound + length)])
          buffer.removeFirst(range.upperBound + length)
          return (head, body)
        }
      }
      var part = [UInt8](repeating: 0, count: 16_384)
      let count = read(connection, &part, part.count)
      guard count > 0 else { return nil }
      buffer += part[..<count]
    }
  }

  private static func send(
    _ connection: Int32, _ status: Int, _ body: String, head: String = "", isStreamed: Bool = false
  ) {
    let type = isStreamed ? "text/event-stream" : "application/json"
    write(
      connection,
      "HTTP/1.1 \(status) X\r\n\(head)Content-Type: \(type)\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
  }

  private static func write(_ connection: Int32, _ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
