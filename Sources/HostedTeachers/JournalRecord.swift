internal import Tokenization

/// The line of one record of a `RequestJournal`.
struct JournalRecord {
  private(set) var event = ""
  private(set) var id: Int64 = -1
  private(set) var corpus = ""
  private(set) var reason = ""
  private(set) var sha256 = ""
  private(set) var requests = 0
  private(set) var promptTokens = 0
  private(set) var completionTokens = 0
  private(set) var count = 0
  /// Bytes of the capture that follows the line.
  private(set) var bytes = 0

  /// Nil for a line that is not whole.
  init?(_ line: [UInt8]) {
    do throws(JSONSyntaxError) {
      try read(line)
    } catch {
      return nil
    }
    guard !event.isEmpty, bytes >= 0 else { return nil }
  }

  private mutating func read(_ line: [UInt8]) throws(JSONSyntaxError) {
    var reader = JSONReader(line)
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "event": event = try reader.string()
      case "id": id = Int64(try reader.integer())
      case "corpus": corpus = try reader.string()
      case "reason": reason = try reader.string()
      case "sha256": sha256 = try reader.string()
      case "requests": requests = try reader.integer()
      case "prompt_tokens": promptTokens = try reader.integer()
      case "completion_tokens": completionTokens = try reader.integer()
      case "count": count = try reader.integer()
      case "bytes": bytes = try reader.integer()
      default: try reader.skipValue()
      }
    }
    try reader.end()
  }
}
