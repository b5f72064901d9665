internal import Foundation
internal import Logging

/// Where log lines go: standard error, as text on a terminal and as JSON lines otherwise.
enum LogOutput {
  static func bootstrap(level: String) {
    let level = Logger.Level(rawValue: level) ?? .info
    let isTerminal = isatty(STDERR_FILENO) == 1
    LoggingSystem.bootstrap { label in
      var handler: any LogHandler =
        isTerminal ? StreamLogHandler.standardError(label: label) : JSONLines(label: label)
      handler.logLevel = level
      return handler
    }
  }
}

/// One JSON object a line: time, level, message, and the fields of the event.
private struct JSONLines: LogHandler {
  let label: String
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var fields: [String: String] = [
      "time": Date.now.ISO8601Format(
        .iso8601WithTimeZone(includingFractionalSeconds: true)),
      "level": event.level.rawValue, "message": "\(event.message)",
    ]
    for (key, value) in metadata { fields[key] = "\(value)" }
    for (key, value) in event.metadata ?? [:] { fields[key] = "\(value)" }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard var line = try? encoder.encode(fields) else { return }
    line.append(UInt8(ascii: "\n"))
    FileHandle.standardError.write(line)
  }
}
