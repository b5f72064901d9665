internal import ArgumentParser
internal import Jobs

/// `bitnet show`.
struct Show: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show a job.")

  @Argument(help: "The job's id.")
  var job: String

  @OptionGroup var options: ServerOptions

  func run() throws {
    let job = try options.server.get("v1", "jobs", job)
    if options.json { return Terminal.printLine(job.text) }
    for line in JobSummary.lines(job) { Terminal.printLine(line) }
  }
}

/// A job as a person reads it.
enum JobSummary {
  private static let facts = [
    "id", "name", "kind", "state", "attempt", "priority", "after", "resumed_from", "created_at",
    "started_at", "finished_at",
  ]

  static func lines(_ job: JSONValue) -> [String] {
    var lines: [String] = []
    for fact in facts {
      let text = job[fact]?.arrayValue?.map(\.text).joined(separator: " ") ?? job.text(fact)
      guard !text.isEmpty, text != "-" else { continue }
      lines.append(line(fact.replacing("_", with: " "), text))
    }
    if let progress = job["progress"].flatMap(Progress.init) {
      var bar = ProgressBar(label: "")
      bar.update(progress)
      lines.append(line("progress", bar.line(columns: 68).drop { $0 == " " }.description))
    }
    lines += problem(job)
    for artifact in job["artifacts"]?.arrayValue ?? [] {
      let size = Quantity.bytes(artifact["bytes"]?.doubleValue ?? 0)
      lines.append(line("artifact", "\(artifact.text("name"))  \(size)"))
    }
    for (title, key) in [("spec", "spec"), ("result", "result")] {
      guard let object = job[key]?.objectValue, !object.isEmpty else { continue }
      lines.append("\(title):")
      lines += indented(object, by: "  ")
    }
    return lines
  }

  /// Why a job failed or was cancelled; empty for any other.
  static func problem(_ job: JSONValue) -> [String] {
    guard let problem = job["problem"], problem.objectValue != nil else { return [] }
    let detail = problem.text("detail")
    return [line("problem", problem.text("title") + (detail == "-" ? "" : ": " + detail))]
      + (problem["errors"]?.arrayValue ?? []).map {
        line("", "\($0.text("pointer")): \($0.text("detail"))")
      }
  }

  private static func line(_ name: String, _ text: String) -> String {
    name + String(repeating: " ", count: max(1, 14 - name.count)) + Terminal.clean(text)
  }

  private static func indented(_ object: JSONObject, by indent: String) -> [String] {
    object.flatMap { key, value -> [String] in
      let name = indent + Terminal.clean(key)
      guard let members = value.objectValue, !members.isEmpty else {
        return ["\(name): \(Terminal.clean(value.stringValue ?? value.text))"]
      }
      return ["\(name):"] + indented(members, by: indent + "  ")
    }
  }
}
