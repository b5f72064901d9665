/// One server-sent event.
package struct ServerSentEvent: Equatable, Sendable {
  /// The last `id:` that was seen up to here; empty when there was none.
  package var id: String
  /// `message` when the server names none.
  package var event: String
  /// The `data:` lines, joined with line feeds.
  package var data: String

  package init(id: String, event: String, data: String) {
    self.id = id
    self.event = event
    self.data = data
  }
}

/// Cuts a stream of bytes into events, whatever the pieces in which it comes.
///
/// Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream". `retry:` is ignored.
package struct EventStreamParser: Sendable {
  private var line: [UInt8] = []
  private var lastByteWasReturn = false
  private var isFirstLine = true
  private var id = ""
  private var event = ""
  private var data: [String] = []

  package init() {}

  /// The events that these bytes complete.
  package mutating func feed(_ bytes: some Sequence<UInt8>) -> [ServerSentEvent] {
    var events: [ServerSentEvent] = []
    for byte in bytes {
      let wasReturn = lastByteWasReturn
      lastByteWasReturn = byte == UInt8(ascii: "\r")
      switch byte {
      case UInt8(ascii: "\n") where wasReturn: continue
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        if let complete = endLine() { events.append(complete) }
      default: line.append(byte)
      }
    }
    return events
  }

  private mutating func endLine() -> ServerSentEvent? {
    if isFirstLine, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    isFirstLine = false
    let text = String(decoding: line, as: UTF8.self)
    line.removeAll(keepingCapacity: true)
    guard !text.isEmpty else { return endEvent() }
    let sides = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let value = sides.count < 2 ? "" : sides[1].first == " " ? sides[1].dropFirst() : sides[1]
    switch sides[0] {
    case "event": event = String(value)
    case "data": data.append(String(value))
    case "id" where !value.contains("\0"): id = String(value)
    default: break
    }
    return nil
  }

  private mutating func endEvent() -> ServerSentEvent? {
    defer {
      event = ""
      data = []
    }
    guard !data.isEmpty else { return nil }
    return ServerSentEvent(
      id: id, event: event.isEmpty ? "message" : event, data: data.joined(separator: "\n"))
  }
}
