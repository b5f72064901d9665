import Foundation
import HTTPServer
import JobAPI
import JobServer
import JobStore
import Jobs
import Logging
import Synchronization

/// The routes over a real store in a temporary folder, behind a real server on a free port.
final class RoutesHarness: Sendable {
  let store: JobStore
  let server: HTTPServer
  let folder: String
  let boot = BootID.make(at: .now())

  /// - Parameter configure: changes the services before the routes see them.
  init(configure: (inout ServerServices) -> Void = { _ in }) throws {
    let folder = NSTemporaryDirectory() + "routes-\(UUID().uuidString)"
    self.folder = folder
    store = try JobStore(folder: folder, boot: boot)
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    var services = ServerServices(
      store: store, logger: logger, version: "1.2.3", startedAt: .now(),
      hostFacts: {
        HostFacts(
          cpu: "test", simd: "scalar", threads: 1, memoryTotalBytes: 2, memoryFreeBytes: 1,
          diskFreeBytes: 1 << 40)
      }, artifactFile: { folder + "/" + $0 })
    services.deleteFiles = { paths in
      for path in paths { try? FileManager.default.removeItem(atPath: folder + "/" + path) }
    }
    configure(&services)
    let routes = APIRoutes(services: services)
    server = try HTTPServer(configuration: HTTPServerConfiguration()) { routes.handle($0, $1) }
  }

  deinit {
    server.stop(graceSeconds: 0)
    store.close()
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Sends a request and reads its answer to the end.
  func send(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
  ) throws -> TestAnswer {
    try open(method, path, body, headers: headers).readAll()
  }

  /// Sends a request; the answer is read piece by piece.
  func open(
    _ method: String, _ path: String, _ body: String? = nil, headers: [String: String] = [:]
  ) throws -> TestConnection {
    var headers = headers
    if headers["Host"] == nil { headers["Host"] = "127.0.0.1:\(server.port)" }
    if body != nil, headers["Content-Type"] == nil { headers["Content-Type"] = "application/json" }
    let connection = try TestConnection(port: server.port, isHead: method == "HEAD")
    var text = "\(method) \(path) HTTP/1.1\r\nConnection: close\r\n"
    for (name, value) in headers { text += "\(name): \(value)\r\n" }
    if body != nil || method == "POST" { text += "Content-Length: \(body?.utf8.count ?? 0)\r\n" }
    try connection.write(text + "\r\n" + (body ?? ""))
    return connection
  }

  /// A queued job.
  func submit(name: String = "", tags: [String: String] = [:]) throws -> JobID {
    let id = JobID.make(at: .now())
    let spec = try JobSpec.read(kind: .dryrun, from: [:]).json
    _ = try store.submit([NewJob(id: id, kind: .dryrun, name: name, tags: tags, spec: spec)])
    return id
  }

  /// A job that a worker has, and its attempt.
  func running() throws -> (id: JobID, attempt: Int) {
    _ = try submit()
    guard let job = try store.claimNext(.compute) else { throw CancellationError() }
    return (job.id, job.state.attempt)
  }

  /// A job that succeeded and left a file.
  func succeeded(file: String = "0123456789") throws -> JobID {
    let (id, attempt) = try running()
    try Data(file.utf8).write(to: URL(fileURLWithPath: folder + "/left"))
    let artifact = Artifact(
      name: "data/a b.txt", path: "left", bytes: Int64(file.utf8.count),
      sha256: String(repeating: "a", count: 64), mediaType: "text/plain", createdAt: .now())
    _ = try store.finish(
      id, attempt: attempt, outcome: .succeeded(result: ["ok": true]),
      updates: [
        .log(.info, "almost"),
        .metrics([MetricPoint(name: "loss", step: 1, value: 2, time: .now())]),
        .health(["step": 1]), .artifact(artifact),
      ])
    return id
  }
}

/// An answer, whole.
struct TestAnswer: Sendable {
  let status: Int
  /// Names in lower case.
  let headers: [String: String]
  let body: [UInt8]

  var text: String { String(decoding: body, as: UTF8.self) }

  /// The body as JSON.
  func json() throws -> JSONValue { try JSONValue(parsing: body) }
}

/// One connection with one request.
final class TestConnection: Sendable {
  struct Failure: Error {
    let reason: String
  }

  private let descriptor: Int32
  private let isHead: Bool
  private let received = Mutex<[UInt8]>([])

  init(port: UInt16, isHead: Bool) throws {
    self.isHead = isHead
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard status == 0 else { throw Failure(reason: "connect: \(errno)") }
  }

  deinit { close(descriptor) }

  /// Closes the connection while its answer is still to come.
  func hangUp() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

  func write(_ text: String) throws {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }

  /// Reads until what has come so far holds `text`.
  func read(until text: String) throws -> String {
    while true {
      let soFar = received.withLock { String(decoding: $0, as: UTF8.self) }
      if soFar.contains(text) { return soFar }
      guard try readMore() else { throw Failure(reason: "the end came before \(text): \(soFar)") }
    }
  }

  /// Reads to the end.
  func readAll() throws -> TestAnswer {
    while try readMore() {}
    let bytes = received.withLock { $0 }
    guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else {
      throw Failure(reason: "no head in \(bytes.count) bytes")
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self)
      .split(separator: "\r\n")
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    guard let status = Int(lines[0].split(separator: " ")[1]) else {
      throw Failure(reason: "no status")
    }
    var body = Array(bytes[end.upperBound...])
    if headers["transfer-encoding"] == "chunked", !isHead { body = try Self.unchunked(body) }
    return TestAnswer(status: status, headers: headers, body: body)
  }

  private func readMore() throws -> Bool {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    received.withLock { $0 += buffer[..<count] }
    return true
  }

  private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
    var rest = bytes[...]
    var body: [UInt8] = []
    while let end = rest.firstRange(of: Array("\r\n".utf8)) {
      let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16) ?? 0
      if size == 0 { break }
      body += rest[end.upperBound..<(end.upperBound + size)]
      rest = rest[(end.upperBound + size + 2)...]
    }
    return body
  }
}
