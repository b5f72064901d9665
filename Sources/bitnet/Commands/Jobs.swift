internal import ArgumentParser
internal import Jobs

/// `bitnet jobs`.
struct Jobs: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "List jobs, the newest first.")

  @Option(help: "Only jobs of this kind.")
  var kind: JobKind?

  @Option(help: "Only jobs in this state: waiting, queued, running, succeeded, failed, cancelled.")
  var state: String?

  @Option(help: ArgumentHelp("Only jobs with this label.", valueName: "name[:value]"))
  var tag: String?

  @Option(help: "How many at most.")
  var limit = 50

  @OptionGroup var options: ServerOptions

  func run() throws {
    var filters: [(String, String)] = []
    if let kind { filters.append(("kind", kind.rawValue)) }
    if let state { filters.append(("state", state)) }
    if let tag { filters.append(("tag", tag)) }
    let jobs = try options.server.pages(of: "jobs", query: filters, limit: limit)
    if options.json { return Terminal.printLine(JSONValue.array(jobs).text) }
    var table = TextTable("ID", "KIND", "STATE", "DONE", "CREATED", "NAME")
    for job in jobs {
      let fraction = job["progress"]?["fraction"]?.doubleValue
      table.append(
        job.text("id"), job.text("kind"), job.text("state"),
        fraction.map { "\(Int($0 * 100))%" } ?? "-", job.text("created_at"), job.text("name"))
    }
    table.print(whenEmpty: "There are no such jobs.")
  }
}

extension JSONValue {
  /// A member's text: `-` where there is none, numbers in full.
  func text(_ key: String) -> String {
    switch self[key] {
    case .string(let text): text
    case nil, .null: "-"
    case let value?: value.text
    }
  }
}

extension Server {
  /// The elements of a list, page by page, up to `limit` of them.
  func pages(
    of list: String, query: [(String, String)] = [], limit: Int
  ) throws(Failure) -> [JSONValue] {
    guard limit > 0 else { throw .usage("--limit must be 1 or more") }
    var elements: [JSONValue] = []
    var place: String?
    repeat {
      let size = min(limit - elements.count, 500)
      var parameters = query + [("limit", String(size))]
      if let place { parameters.append(("after", place)) }
      let page = try get("v1", list, query: parameters)
      elements += page["data"]?.arrayValue ?? []
      place = page["next"]?.stringValue
    } while place != nil && elements.count < limit
    return elements
  }
}
