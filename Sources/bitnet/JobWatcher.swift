internal import Foundation
internal import HTTPClient
internal import Jobs

/// Follows a job to its end, through the server's restarts.
///
/// Every event has a number, and each connection goes on behind the last one that was seen, so
/// that nothing is shown twice or left out.
final class JobWatcher {
  enum Style { case person, json }

  /// How long a server that was reached once may be away.
  private static let patienceSeconds = 120.0

  let server: Server
  let job: String
  let style: Style

  private var bar: ProgressBar
  private var lastEvent: Int64 = 0
  private var barIsDrawn = false

  init(_ server: Server, job: String, style: Style) {
    self.server = server
    self.job = job
    self.style = style
    bar = ProgressBar(label: job)
  }

  /// - Returns: the job in its final state.
  /// - Throws: when the server refuses, or stays away.
  func follow() throws(Failure) -> JSONValue {
    var current = try server.get("v1", "jobs", job)
    bar.label = current["kind"]?.stringValue ?? "job"
    var lastContact = ContinuousClock.now
    while true {
      let before = lastEvent
      do {
        try server.events(of: job, after: lastEvent) { self.show($0) }
        current = try server.get("v1", "jobs", job)
        lastContact = .now
        if current.isFinalJob { break }
      } catch {
        guard error.status == .notReached,
          ContinuousClock.now - lastContact < .seconds(Self.patienceSeconds)
        else {
          eraseBar()
          throw error
        }
        tell("the server is away; trying again")
      }
      if lastEvent == before { Thread.sleep(forTimeInterval: 1) }
    }
    eraseBar()
    return current
  }

  /// The bar is drawn once for all events that came together: a replay of a long job has thousands.
  private func show(_ events: [ServerSentEvent]) {
    for event in events {
      lastEvent = Int64(event.id) ?? lastEvent
      guard let data = try? JSONValue(parsing: event.data) else { continue }
      switch style {
      case .json: printJSON(event, data)
      case .person: tell(event, data)
      }
    }
    if style == .person { drawBar() }
  }

  private func printJSON(_ event: ServerSentEvent, _ data: JSONValue) {
    let line: JSONValue = ["seq": .int(lastEvent), "event": .string(event.event), "data": data]
    Terminal.printLine(line.text)
  }

  private func tell(_ event: ServerSentEvent, _ data: JSONValue) {
    switch JobEvent.Kind(rawValue: event.event) {
    case .state: tell("\(data.text("state"))\(Self.attempt(data))")
    case .log: tell("\(data.text("level")): \(data.text("message"))")
    case .artifact: tell("wrote \(data.text("name"))")
    case .progress: if let progress = Progress(json: data) { bar.update(progress) }
    case .metric: if let series = data["series"] { bar.update(series: series) }
    case nil: break
    }
  }

  private static func attempt(_ state: JSONValue) -> String {
    guard let attempt = state["attempt"]?.intValue, attempt > 1 else { return "" }
    return " (attempt \(attempt))"
  }

  private func tell(_ text: String) {
    eraseBar()
    Terminal.printError(Terminal.clean(text))
  }

  private func drawBar() {
    guard Terminal.errorIsTerminal else { return }
    barIsDrawn = true
    Terminal.writeError("\r\u{1B}[K" + bar.line(columns: Terminal.columns))
  }

  private func eraseBar() {
    if barIsDrawn { Terminal.writeError("\r\u{1B}[K") }
    barIsDrawn = false
  }
}

extension JSONValue {
  /// Whether a job, as the API answers it, has ended.
  var isFinalJob: Bool {
    ["succeeded", "failed", "cancelled"].contains(self["state"]?.stringValue)
  }
}
