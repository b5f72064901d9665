internal import ArgumentParser
internal import Jobs

/// `bitnet cancel`.
struct Cancel: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Stop jobs at their next step; their checkpoints are kept.")

  @Argument(help: "The jobs' ids.")
  var jobs: [String]

  @OptionGroup var options: ServerOptions

  func run() throws { try options.tell("cancel", jobs) }
}

/// `bitnet retry`.
struct Retry: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let failed or cancelled jobs go on where they stopped.")

  @Argument(help: "The jobs' ids.")
  var jobs: [String]

  @Flag(help: "Follow the job to its end; for one job.")
  var watch = false

  @OptionGroup var options: ServerOptions

  func validate() throws {
    if watch, jobs.count != 1 { throw ValidationError("--watch follows one job.") }
  }

  func run() throws {
    try options.tell("retry", jobs)
    if watch, let job = jobs.first { try Watch.follow(job, options: options) }
  }
}

extension ServerOptions {
  /// Posts to each job, and prints what became of it.
  fileprivate func tell(_ verb: String, _ jobs: [String]) throws {
    for job in jobs {
      let answer = try server.post("v1", "jobs", job, verb)
      Terminal.printLine(json ? answer.text : "\(job) \(answer.text("state"))")
    }
  }
}
