import Foundation
import HTTPServer
import Testing

struct HTTPFileTests {
  private func server(_ file: HTTPFile, _ range: Range<Int64>) throws -> HTTPServer {
    var configuration = HTTPServerConfiguration()
    configuration.idleSecondsMax = 1
    return try HTTPServer(configuration: configuration) { _, exchange in
      exchange.respond(HTTPResponse(status: 200, body: .file(file, range)))
    }
  }

  private func temporaryPath() -> String {
    FileManager.default.temporaryDirectory.appending(path: "http-file-\(UUID())").path
  }

  @Test(arguments: [0..<1_000_000, 0..<0, 5..<6, 999_999..<1_000_000, 123_456..<765_432])
  func `exactly the asked range is sent`(range: Range<Int>) throws {
    let path = temporaryPath()
    let text = (0..<100_000).map { String(format: "%010d", $0) }.joined()
    try Data(text.utf8).write(to: URL(filePath: path))
    let file = try HTTPFile(path: path)
    // The name may go; what was opened is what is sent.
    try FileManager.default.removeItem(atPath: path)
    #expect(file.size == 1_000_000)
    let server = try server(file, Int64(range.lowerBound)..<Int64(range.upperBound))
    let reply = try server.reply(toTarget: "/")
    #expect(reply.body == String(text.dropFirst(range.lowerBound).prefix(range.count)))
  }

  @Test func `what is not a regular file is refused`() throws {
    #expect(throws: POSIXError(.EISDIR)) { try HTTPFile(path: "/tmp") }
    #expect(throws: POSIXError(.EINVAL)) { try HTTPFile(path: "/dev/null") }
    #expect(throws: POSIXError(.ENOENT)) { try HTTPFile(path: "/nonexistent") }
    let pipe = temporaryPath()
    #expect(mkfifo(pipe, 0o600) == 0)
    defer { unlink(pipe) }
    #expect(throws: POSIXError(.EINVAL)) { try HTTPFile(path: pipe) }
  }

  @Test func `a file that shrinks while it is sent ends the connection, not the process`() throws {
    let path = temporaryPath()
    try Data(count: 8 << 20).write(to: URL(filePath: path))
    defer { unlink(path) }
    let file = try HTTPFile(path: path)
    let server = try server(file, 0..<file.size)
    let client = try RawClient(port: server.port)
    #expect(truncate(path, 100) == 0)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    _ = try client.head()
    #expect(client.restUntilClosed().utf8.count < 8 << 20)
  }
}
