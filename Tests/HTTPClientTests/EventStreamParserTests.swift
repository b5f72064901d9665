import HTTPClient
import Testing

struct EventStreamParserTests {
  static let cases: [(String, [ServerSentEvent])] = [
    ("data: a\n\n", [ServerSentEvent(id: "", event: "message", data: "a")]),
    (
      "id: 7\nevent: metric\ndata: a\ndata:b\n\ndata\n\n",
      [
        ServerSentEvent(id: "7", event: "metric", data: "a\nb"),
        ServerSentEvent(id: "7", event: "message", data: ""),
      ]
    ),
    (": keep-alive\n\ndata:  x\r\n\r\n", [ServerSentEvent(id: "", event: "message", data: " x")]),
    (
      "\u{FEFF}data: \u{1F600}\r\rdata: b\r\r",
      [
        ServerSentEvent(id: "", event: "message", data: "\u{1F600}"),
        ServerSentEvent(id: "", event: "message", data: "b"),
      ]
    ),
    ("event: x\n\nretry: 5\nunknown: y\ndata: z", []),
    ("id: a\u{0}b\ndata: c\n\n", [ServerSentEvent(id: "", event: "message", data: "c")]),
  ]

  @Test(arguments: cases)
  func `a stream gives the same events whatever its pieces`(
    text: String, expected: [ServerSentEvent]
  ) {
    let bytes = Array(text.utf8)
    for size in 1...max(1, bytes.count) {
      var parser = EventStreamParser()
      var events: [ServerSentEvent] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        events += parser.feed(bytes[start..<min(start + size, bytes.count)])
      }
      #expect(events == expected, "in pieces of \(size)")
    }
  }
}
