import Foundation
import HTTPClient
import Jobs

/// `bitnetd` as a process of its own, as a user runs it.
final class DaemonProcess {
  let url: String
  private let process: Process
  private let client = HTTPClient()

  /// Starts the program that this test run built, and waits until it listens.
  ///
  /// - Throws: `Ended` when it ends instead.
  init(data: URL, arguments: [String] = [], environment: [String: String] = [:]) throws {
    process = Process()
    process.executableURL = Self.program
    process.arguments = ["serve", "--data", data.path] + arguments
    if !arguments.contains("--listen") { process.arguments? += ["--listen", "127.0.0.1:0"] }
    var variables = ProcessInfo.processInfo.environment
    for (name, value) in environment { variables[name] = value }
    process.environment = variables
    let output = Pipe()
    let log = data.appendingPathExtension("log")
    try Data().write(to: log)
    process.standardOutput = output
    process.standardError = try FileHandle(forWritingTo: log)
    try process.run()
    var line = Data()
    while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data([10]) {
      line += byte
    }
    let text = String(decoding: line, as: UTF8.self)
    guard text.hasPrefix("listening on ") else {
      process.waitUntilExit()
      throw Ended(
        status: process.terminationStatus,
        message: (try? String(contentsOf: log, encoding: .utf8)) ?? "")
    }
    url = String(text.dropFirst("listening on ".count))
  }

  /// It never listened.
  struct Ended: Error {
    let status: Int32
    let message: String
  }

  /// Of the system.
  var processID: Int32 { process.processIdentifier }

  deinit { if process.isRunning { kill() } }

  /// Ends it as a power cut would.
  func kill() {
    Foundation.kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// Waits for an end that another one brings about.
  func waitUntilExit() { process.waitUntilExit() }

  /// Asks it to drain.
  ///
  /// - Returns: its exit status.
  func terminate() -> Int32 {
    process.terminate()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// The JSON of a reply, and its status.
  func get(_ path: String) throws -> (status: Int, json: JSONValue) {
    try send("GET", path, body: nil)
  }

  /// The lines of a reply of JSON lines.
  func lines(_ path: String) throws -> [String] {
    let response = try client.send(HTTPClient.Request("GET", url + path))
    return String(decoding: response.body, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  func post(_ path: String, _ body: JSONValue) throws -> (status: Int, json: JSONValue) {
    try send("POST", path, body: body.bytes)
  }

  func send(
    _ method: String, _ path: String, body: [UInt8]?
  ) throws -> (status: Int, json: JSONValue) {
    let response = try client.send(
      HTTPClient.Request(
        method, url + path, headers: [("Content-Type", "application/json")], body: body))
    return (response.status, try JSONValue(parsing: response.body))
  }

  /// Submits a job.
  ///
  /// - Returns: its id.
  func submit(_ kind: String, name: String, _ spec: JSONValue) throws -> String {
    let reply = try post(
      "/v1/jobs", ["kind": .string(kind), "name": .string(name), "spec": spec])
    guard reply.status == 201, let id = reply.json["id"]?.stringValue else {
      throw Unexpected(reply.json.text)
    }
    return id
  }

  /// Waits, by long polls, until a job is final.
  func finished(_ job: String) throws -> JSONValue {
    while true {
      let reply = try get("/v1/jobs/\(job)?wait=30")
      guard reply.status == 200 else { throw Unexpected(reply.json.text) }
      if Self.isFinal(reply.json) { return reply.json }
    }
  }

  /// Looks at a job until `condition` holds of it, or it is final. Progress is no change of state,
  /// so a long poll would come too late.
  func waitFor(_ job: String, _ condition: (JSONValue) -> Bool) throws -> JSONValue {
    while true {
      let reply = try get("/v1/jobs/\(job)")
      guard reply.status == 200 else { throw Unexpected(reply.json.text) }
      if Self.isFinal(reply.json) || condition(reply.json) { return reply.json }
    }
  }

  private static func isFinal(_ job: JSONValue) -> Bool {
    ["succeeded", "failed", "cancelled"].contains(job["state"]?.stringValue)
  }

  struct Unexpected: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  /// Beside the test bundle.
  private static var program: URL {
    let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let candidates = [
      bundle, Bundle.main.bundleURL, Bundle.main.bundleURL.deletingLastPathComponent(),
    ]
    return candidates.map { $0.appendingPathComponent("bitnetd") }
      .first { FileManager.default.isExecutableFile(atPath: $0.path) }
      ?? bundle.appendingPathComponent("bitnetd")
  }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("bitnet-end-to-end-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  var data: URL { url.appendingPathComponent("data") }
}
