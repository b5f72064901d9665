internal import ArgumentParser
internal import Jobs

/// `bitnet watch`.
struct Watch: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Follow a job to its end.",
    discussion: """
      States, log lines and artifacts go to standard error, with a progress bar on a terminal; the \
      outcome goes to standard output. With --json, every event is a line on standard output, and \
      the job in its final state the last one. Interrupting this does not stop the job.
      """)

  @Argument(help: "The job's id.")
  var job: String

  @OptionGroup var options: ServerOptions

  func run() throws { try Self.follow(job, options: options) }

  /// - Throws: `Failure.Silent` when the job did not succeed; that has been told.
  static func follow(_ job: String, options: ServerOptions) throws {
    let style: JobWatcher.Style = options.json ? .json : .person
    let ended = try JobWatcher(options.server, job: job, style: style).follow()
    if options.json {
      Terminal.printLine(ended.text)
    } else {
      Terminal.printLine("\(job) \(ended.text("state"))")
      for line in JobSummary.problem(ended) { Terminal.printLine(line) }
    }
    if ended["state"] != "succeeded" { throw Failure.Silent(status: .jobFailed) }
  }
}
