import Foundation
import JobStore
import Jobs
import Testing

/// The numbers of the events in a text of server-sent events.
private func numbers(_ text: String) -> [Int64] {
  // In Swift "\r\n", which ends the head of a chunk, is one character, and no "\n".
  text.replacing("\r\n", with: "\n").split(separator: "\n").filter { $0.hasPrefix("id: ") }
    .compactMap { Int64($0.dropFirst(4)) }
}

struct RoutesEventTests {
  let harness: RoutesHarness
  init() throws { harness = try RoutesHarness() }

  @Test func `a stream tells everything from the start and ends with the job`() throws {
    let id = try harness.succeeded()
    let answer = try harness.send("GET", "/v1/jobs/\(id)/events")
    #expect(answer.headers["content-type"] == "text/event-stream")
    let all = try harness.store.events(of: id, after: 0, limit: 100)
    #expect(numbers(answer.text) == all.map(\.sequence))
    for type in ["state", "log", "metric", "artifact"] {
      #expect(answer.text.contains("event: \(type)\n"), "\(type)")
    }
  }

  @Test func `Last-Event-ID goes on where the client stopped`() throws {
    let id = try harness.succeeded()
    let all = try harness.store.events(of: id, after: 0, limit: 100).map(\.sequence)
    for known in all.dropLast() {
      let answer = try harness.send(
        "GET", "/v1/jobs/\(id)/events", headers: ["Last-Event-ID": "\(known)"])
      #expect(numbers(answer.text) == all.filter { $0 > known })
    }
    let last = try #require(all.last)
    let answer = try harness.send(
      "GET", "/v1/jobs/\(id)/events", headers: ["Last-Event-ID": "\(last)"])
    #expect(answer.status == 204)
    for wrong in ["x", "-1", "1.5"] {
      let answer = try harness.send(
        "GET", "/v1/jobs/\(id)/events", headers: ["Last-Event-ID": wrong])
      #expect(answer.status == 400)
    }
  }

  @Test func `a watcher hears of events as they happen`() throws {
    let (id, attempt) = try harness.running()
    let stream = try harness.open("GET", "/v1/jobs/\(id)/events")
    _ = try stream.read(until: "\"running\"")
    for step in 1...3 {
      _ = try harness.store.record([.log(.info, "step \(step)")], of: id, attempt: attempt)
      _ = try stream.read(until: "\"step \(step)\"")
    }
    _ = try harness.store.finish(id, attempt: attempt, outcome: .succeeded(result: [:]))
    let text = try stream.readAll().text
    let all = try harness.store.events(of: id, after: 0, limit: 100).map(\.sequence)
    #expect(numbers(text) == all)
  }

  @Test func `reconnecting at every event loses and repeats nothing`() throws {
    let (id, attempt) = try harness.running()
    for step in 1...40 {
      _ = try harness.store.record([.log(.info, "step \(step)")], of: id, attempt: attempt)
    }
    var seen: [Int64] = []
    let all = try harness.store.events(of: id, after: 0, limit: 1000).map(\.sequence)
    while seen.count < all.count {
      // The connection is dropped after the first events that come.
      let stream = try harness.open(
        "GET", "/v1/jobs/\(id)/events", headers: ["Last-Event-ID": "\(seen.last ?? 0)"])
      let text = try stream.read(until: "\n\n")
      // Of a torn event only what ended with a blank line counts.
      let whole = text[
        ..<(text.range(of: "\n\n", options: .backwards)?.upperBound ?? text.startIndex)]
      seen += numbers(String(whole))
    }
    #expect(seen == all)
  }

  @Test func `a stream of a job that is deleted or was never there ends`() throws {
    #expect(try harness.send("GET", "/v1/jobs/\(JobID.make(at: .now()))/events").status == 404)
    #expect(try harness.send("GET", "/v1/jobs/job_1/events").status == 404)
  }

  @Test func `a closed stream is forgotten`() throws {
    let (id, _) = try harness.running()
    do {
      let stream = try harness.open("GET", "/v1/jobs/\(id)/events")
      _ = try stream.read(until: "\"running\"")
      #expect(try harness.send("GET", "/metrics").text.contains("bitnet_event_streams 1\n"))
    }
    while try !harness.send("GET", "/metrics").text.contains("bitnet_event_streams 0\n") {}
  }
}
