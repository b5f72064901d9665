internal import ArgumentParser
internal import Jobs

/// `bitnet metrics`.
struct Metrics: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Plot a job's metrics.")

  @Argument(help: "The job's id.")
  var job: String

  @Option(help: ArgumentHelp("Only these series, separated by commas.", valueName: "names"))
  var name: String?

  @Option(help: "Points of a series at most; the smallest and largest values survive.")
  var maxPoints = 1000

  @Option(help: "Lines of a plot.")
  var height = 10

  @Flag(help: "Show where the time of a training step goes instead.")
  var profile = false

  @OptionGroup var options: ServerOptions

  func run() throws {
    guard (1...200).contains(height) else { throw Failure.usage("--height must be 1 to 200") }
    if profile { return try printProfile() }
    var query = [("max_points", String(maxPoints))]
    if let name { query.append(("name", name)) }
    let answer = try options.server.get("v1", "jobs", job, "metrics", query: query)
    if options.json { return Terminal.printLine(answer.text) }
    let plots = answer["series"]?.objectValue.map { Array($0) } ?? []
    let drawn = plots.compactMap { Self.plot($0, $1) }
    if drawn.isEmpty { Terminal.printError("This job has no such metrics yet.") }
    for plot in drawn {
      for line in plot.lines(columns: min(Terminal.columns, 120), rows: height) {
        Terminal.printLine(line)
      }
      Terminal.printLine("")
    }
  }

  private func printProfile() throws {
    let health = try options.server.get("v1", "jobs", job, "health")
    if options.json { return Terminal.printLine((health["profile"] ?? .null).text) }
    guard let table = ProfileTable(health: health) else {
      return Terminal.printError("This job has no profile yet; trainings have one.")
    }
    for line in table.lines { Terminal.printLine(line) }
  }

  private static func plot(_ name: String, _ series: JSONValue) -> MetricPlot? {
    let steps = series["step"]?.arrayValue ?? []
    let values = series["value"]?.arrayValue ?? []
    let points = zip(steps, values).compactMap { step, value -> (step: Double, value: Double)? in
      guard let step = step.doubleValue, let value = value.doubleValue else { return nil }
      return (step: step, value: value)
    }
    return points.isEmpty ? nil : MetricPlot(name: Terminal.clean(name), points: points)
  }
}
