internal import ArgumentParser
internal import Jobs

/// `bitnet health`.
struct Health: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show how the server is; the exit status is 1 when a check fails.")

  @OptionGroup var options: ServerOptions

  func run() throws {
    let health = try options.server.get("v1", "health")
    if options.json {
      Terminal.printLine(health.text)
    } else {
      for line in Self.lines(health) { Terminal.printLine(Terminal.clean(line)) }
    }
    if health["status"] != "ok" { throw Failure.Silent(status: .jobFailed) }
  }

  private static func lines(_ health: JSONValue) -> [String] {
    let uptime = Quantity.duration(seconds: health["uptime_s"]?.doubleValue ?? .nan)
    var lines = ["\(health.text("status")), version \(health.text("version")), up for \(uptime)"]
    for (name, state) in health["checks"]?.objectValue.map({ Array($0) }) ?? [] {
      lines.append("  \(name): \(state.stringValue ?? state.text)")
    }
    let jobs = (health["jobs"]?.objectValue.map { Array($0) } ?? []).map { "\($1.text) \($0)" }
    if !jobs.isEmpty { lines.append("  jobs: " + jobs.joined(separator: ", ")) }
    guard let host = health["host"] else { return lines }
    let free = Quantity.bytes(host["memory_free_bytes"]?.doubleValue ?? .nan)
    let total = Quantity.bytes(host["memory_total_bytes"]?.doubleValue ?? .nan)
    let disk = host["disk_free_bytes"]?.doubleValue.map { Quantity.bytes($0) } ?? "?"
    lines.append(
      "  processor: \(host.text("cpu")), \(host.text("threads")) threads, "
        + host.text("simd"))
    lines.append("  memory: \(free) of \(total) free; disk: \(disk) free")
    return lines
  }
}
