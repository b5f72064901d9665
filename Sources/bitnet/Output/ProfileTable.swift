internal import Foundation
internal import Jobs

/// Where the time of a training step goes: `profile` of a job's health, for a person.
struct ProfileTable {
  private let profile: JSONValue

  /// - Parameter health: of a train job; nil comes back when it has no profile yet.
  init?(health: JSONValue) {
    guard let profile = health["profile"], profile.objectValue != nil else { return nil }
    self.profile = profile
  }

  /// A line for each operation, the longest first, below the step as a whole.
  var lines: [String] {
    var table = TextTable("OPERATION", "MS", "SHARE", "CALLS", "LIMIT", "RATE", "PEAK", "OF PEAK")
    for operation in operations {
      let limit = operation["limit"]?.stringValue ?? "?"
      table.append(
        operation["operation"]?.stringValue ?? "?",
        String(format: "%.2f", 1000 * (operation["seconds"]?.doubleValue ?? .nan)),
        Self.percent(operation["share"]), Self.calls(operation["calls"]), limit,
        Self.rate(operation["per_s"], limit: limit),
        Self.rate(operation["peak_per_s"], limit: limit),
        Self.percent(operation["share_of_peak"]))
    }
    return [head] + table.lines(columns: nil)
  }

  private var operations: [JSONValue] {
    (profile["operations"]?.arrayValue ?? []).sorted {
      ($0["seconds"]?.doubleValue ?? 0) > ($1["seconds"]?.doubleValue ?? 0)
    }
  }

  private var head: String {
    let milliseconds = 1000 * (profile["step_s"]?.doubleValue ?? .nan)
    return String(format: "a step takes %.1f ms", milliseconds)
      + " (mean of \(profile["steps"]?.intValue ?? 0)), products are "
      + Self.percent(profile["product_share"]) + " of it"
  }

  private static func percent(_ share: JSONValue?) -> String {
    share?.doubleValue.map { String(format: "%.1f%%", 100 * $0) } ?? "-"
  }

  private static func calls(_ calls: JSONValue?) -> String {
    Quantity.number(calls?.doubleValue ?? .nan)
  }

  /// Operations are counted in thousands and millions, bytes too: both stand beside a data sheet.
  private static func rate(_ value: JSONValue?, limit: String) -> String {
    guard let value = value?.doubleValue else { return "-" }
    let unit = limit == "memory" ? "GB/s" : limit == "int8" ? "GOP/s" : "GFLOP/s"
    return String(format: "%.1f ", value / 1e9) + unit
  }
}
