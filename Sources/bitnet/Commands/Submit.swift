internal import ArgumentParser
internal import Jobs

extension JobKind: ExpressibleByArgument {}

/// `bitnet submit`.
struct Submit: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Submit a job; prints its id.",
    discussion: """
      The spec is a JSON file, single settings, or settings over a file:
        bitnet submit train -f spec.json --set steps=500 --set optimizer.learning_rate=3e-4 --watch
      """)

  @Argument(help: "What the job does: \(JobKind.allCases.map(\.rawValue).joined(separator: ", ")).")
  var kind: JobKind

  @OptionGroup var job: JobOptions
  @OptionGroup var options: ServerOptions

  func run() throws {
    let spec = try SpecInput.read(file: job.file, settings: job.set)
    try job.submit(kind, spec: spec, options: options)
  }
}

/// What every job may have, beside its spec.
struct JobOptions: ParsableArguments {
  @Option(name: [.short, .long], help: "The spec, a JSON file; - reads standard input.")
  var file: String?

  @Option(help: ArgumentHelp("A field of the spec; may be repeated.", valueName: "path=value"))
  var set: [String] = []

  @Option(help: "A name for people.")
  var name: String?

  @Option(help: "Higher goes first.")
  var priority: Int?

  @Option(help: ArgumentHelp("A label; may be repeated.", valueName: "name=value"))
  var tag: [String] = []

  @Option(help: ArgumentHelp("A job that must succeed before; may be repeated.", valueName: "job"))
  var after: [String] = []

  @Option(help: "How often the job may fail before it is given up.")
  var maxAttempts: Int?

  @Option(help: "The same key and job again answers the first job.")
  var idempotencyKey: String?

  @Flag(help: "Follow the job to its end.")
  var watch = false

  func submit(_ kind: JobKind, spec: JSONValue, options: ServerOptions) throws {
    var request: JSONObject = ["kind": .string(kind.rawValue), "spec": spec]
    request["name"] = name.map { .string($0) }
    request["priority"] = priority.map { .int(Int64($0)) }
    request["max_attempts"] = maxAttempts.map { .int(Int64($0)) }
    if !after.isEmpty { request["after"] = .array(after.map { .string($0) }) }
    if !tag.isEmpty { request["tags"] = .object(try Self.tags(tag)) }
    let key = idempotencyKey.map { [(name: "Idempotency-Key", value: $0)] } ?? []
    let job = try options.server.post("v1", "jobs", body: .object(request), headers: key)
    try Self.report(job, watch: watch, options: options)
  }

  /// Prints the job's id, or the job, and follows it where that is wanted.
  static func report(_ job: JSONValue, watch: Bool, options: ServerOptions) throws {
    guard let id = job["id"]?.stringValue else { throw Failure.foreignReply("that address") }
    if !(watch && options.json) { Terminal.printLine(options.json ? job.text : id) }
    if watch {
      try Watch.follow(id, options: options)
    } else if Terminal.outputIsTerminal, !options.json {
      Terminal.printError("Follow it with `bitnet watch \(id)`.")
    }
  }

  private static func tags(_ texts: [String]) throws -> JSONObject {
    var tags = JSONObject()
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw Failure.usage("--tag \(text): expected name=value")
      }
      tags[String(text[..<equals])] = .string(String(text[text.index(after: equals)...]))
    }
    return tags
  }
}
