internal import ArgumentParser
internal import Foundation
internal import Jobs

/// `bitnet logs`.
struct Logs: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Print a job's log; `bitnet watch` follows it.")

  private static let pageLines = 10_000

  @Argument(help: "The job's id.")
  var job: String

  @Option(help: "Only lines behind this number, `seq` in --json.")
  var after: Int64 = 0

  @OptionGroup var options: ServerOptions

  func run() throws {
    var last = after
    while true {
      let lines = try page(after: last)
      for line in lines { Terminal.printLine(options.json ? line.text : Self.text(line)) }
      guard lines.count == Self.pageLines, let next = lines.last?["seq"]?.intValue else { return }
      last = next
    }
  }

  private func page(after: Int64) throws -> [JSONValue] {
    let query = [("after", String(after)), ("limit", String(Self.pageLines))]
    let bytes = try options.server.lines("v1", "jobs", job, "logs", query: query)
    return try bytes.split(separator: UInt8(ascii: "\n")).map { line in
      guard let json = try? JSONValue(parsing: Array(line)) else {
        throw Failure.foreignReply("that address")
      }
      return json
    }
  }

  private static func text(_ line: JSONValue) -> String {
    Terminal.clean("\(line.text("time")) \(line.text("level")) \(line.text("message"))")
  }
}
