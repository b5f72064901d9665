internal import ArgumentParser
internal import Jobs

/// `bitnet pipeline`.
struct Pipeline: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Submit a chain of jobs, from a teacher to a judged student.",
    discussion: "Prints each stage's job; the last one leaves pipeline_summary.json.")

  @Option(name: [.short, .long], help: "The request, a JSON file; - reads standard input.")
  var file: String?

  @Option(help: ArgumentHelp("A field of the request; may be repeated.", valueName: "path=value"))
  var set: [String] = []

  @Option(help: "The same key and request again answers the first jobs.")
  var idempotencyKey: String?

  @Flag(help: "Follow the jobs, one after the other, to the last one's end.")
  var watch = false

  @OptionGroup var options: ServerOptions

  func run() throws {
    let request = try SpecInput.read(file: file, settings: set)
    let key = idempotencyKey.map { [(name: "Idempotency-Key", value: $0)] } ?? []
    let answer = try options.server.post("v1", "pipelines", body: request, headers: key)
    let jobs = answer["jobs"]?.objectValue.map { Array($0) } ?? []
    if options.json {
      Terminal.printLine(answer.text)
    } else {
      var table = TextTable("STAGE", "JOB")
      for (stage, job) in jobs { table.append(stage, job.stringValue ?? "-") }
      table.print(whenEmpty: "The pipeline has no jobs.")
    }
    guard watch else { return }
    for (stage, job) in jobs {
      if !options.json { Terminal.printError("— \(Terminal.clean(stage))") }
      try Watch.follow(job.stringValue ?? "", options: options)
    }
    guard !options.json, let last = jobs.last?.1.stringValue else { return }
    let report = try options.server.lines("v1", "jobs", last, "artifacts", "report.txt")
    for line in String(decoding: report, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    {
      Terminal.printLine(Terminal.clean(String(line)))
    }
  }
}
