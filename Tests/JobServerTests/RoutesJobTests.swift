import Foundation
import JobAPI
import JobServer
import JobStore
import Jobs
import Testing

struct RoutesJobTests {
  let harness: RoutesHarness
  init() throws { harness = try RoutesHarness() }

  @Test func `a submitted job is there, with its defaults filled in`() throws {
    let answer = try harness.send(
      "POST", "/v1/jobs", #"{"kind": "dryrun", "name": "n", "spec": {"batch_size": 2}}"#)
    #expect(answer.status == 201)
    let job = try answer.json()
    #expect(job["state"] == "queued")
    #expect(job["spec"]?["preset"] == "7b")
    #expect(job["spec"]?["batch_size"] == 2)
    let location = try #require(answer.headers["location"])
    let again = try harness.send("GET", location)
    #expect(again.body == answer.body)
    #expect(again.headers["etag"] == answer.headers["etag"])
  }

  @Test func `every fault of a submission is named at once`() throws {
    let answer = try harness.send(
      "POST", "/v1/jobs", #"{"kind": "dryrun", "nam": 1, "spec": {"batch_size": 0, "sed": 1}}"#)
    #expect(answer.status == 422)
    #expect(answer.headers["content-type"] == "application/problem+json")
    let pointers = try answer.json()["errors"]?.arrayValue?.map { $0["pointer"] }
    #expect(pointers == ["/nam", "/spec/sed", "/spec/batch_size"])
  }

  @Test(arguments: ["{", "{\"a\": NaN}", "", "[1", "{\"kind\": \"train\", \"kind\": \"eval\"}"])
  func `malformed JSON is refused with the place`(body: String) throws {
    let answer = try harness.send("POST", "/v1/jobs", body)
    #expect(answer.status == 400)
    #expect(try answer.json()["detail"]?.stringValue?.contains("byte ") == true)
  }

  @Test func `the same key and body answers the first job, another body is refused`() throws {
    let headers = ["Idempotency-Key": "k1"]
    let body = #"{"kind": "dryrun", "spec": {}}"#
    let first = try harness.send("POST", "/v1/jobs", body, headers: headers)
    let second = try harness.send("POST", "/v1/jobs", body, headers: headers)
    let third = try harness.send("POST", "/v1/jobs", body + " ", headers: headers)
    let statuses = [first.status, second.status, third.status]
    #expect(statuses == [201, 200, 409])
    #expect(try first.json()["id"] == second.json()["id"])
    #expect(
      try third.json()["type"] == "urn:bitnet:problem:idempotency-key-reused")
  }

  @Test func `a job after one that is not there is refused by name`() throws {
    let id = JobID.make(at: .now()).text
    let answer = try harness.send(
      "POST", "/v1/jobs", #"{"kind": "dryrun", "spec": {}, "after": ["\#(id)"]}"#)
    #expect(answer.status == 422)
    #expect(try answer.json()["errors"]?.arrayValue?.first?["pointer"] == "/after")
  }

  @Test func `the roof's checks are reported like any other fault`() throws {
    let harness = try RoutesHarness { services in
      services.checkSpec = { _ in [FieldError(pointer: "/preset", detail: "needs 30 GiB")] }
    }
    let answer = try harness.send("POST", "/v1/jobs", #"{"kind": "dryrun", "spec": {}}"#)
    #expect(answer.status == 422)
    #expect(try answer.json()["errors"]?.arrayValue?.first?["pointer"] == "/spec/preset")
  }

  @Test func `what a client knows is not sent again, until it changes`() throws {
    let id = try harness.submit()
    let first = try harness.send("GET", "/v1/jobs/\(id)")
    let tag = try #require(first.headers["etag"])
    let second = try harness.send("GET", "/v1/jobs/\(id)", headers: ["If-None-Match": tag])
    #expect(second.status == 304)
    #expect(second.body.isEmpty)
    _ = try harness.store.cancel(id)
    let third = try harness.send("GET", "/v1/jobs/\(id)", headers: ["If-None-Match": tag])
    #expect(third.status == 200)
    #expect(try third.json()["state"] == "cancelled")
  }

  @Test func `pages follow one another without loss or repetition`() throws {
    let ids = try (0..<7).map { _ in try harness.submit() }
    var seen: [String] = []
    var path = "/v1/jobs?limit=3"
    var next: JSONValue?
    repeat {
      let page = try harness.send("GET", path).json()
      seen += (page["data"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
      next = page["next"]
      path = "/v1/jobs?limit=3&after=\(next?.stringValue ?? "")"
    } while next != .null
    #expect(seen == ids.reversed().map(\.text))
  }

  @Test func `a list is filtered by kind, state and tag`() throws {
    let tagged = try harness.submit(tags: ["team": "a"])
    _ = try harness.submit(tags: ["team": "b"])
    let done = try harness.submit()
    _ = try harness.store.cancel(done)
    func ids(_ query: String) throws -> [String?] {
      try harness.send("GET", "/v1/jobs?\(query)").json()["data"]?.arrayValue?
        .map { $0["id"]?.stringValue } ?? []
    }
    #expect(try ids("tag=team:a") == [tagged.text])
    #expect(try ids("tag=team").count == 2)
    #expect(try ids("state=cancelled") == [done.text])
    #expect(try ids("kind=train").isEmpty)
  }

  @Test(arguments: [
    ("limit=0", "/query/limit"), ("limit=x", "/query/limit"), ("limits=1", "/query/limits"),
    ("after=job_1", "/query/after"), ("state=done", "/query/state"),
    ("limit=1&limit=2", "/query/limit"),
  ])
  func `a wrong parameter is named`(query: String, place: String) throws {
    let answer = try harness.send("GET", "/v1/jobs?\(query)")
    #expect(answer.status == 400)
    #expect(
      try answer.json()["errors"]?.arrayValue?.first?["pointer"]?.stringValue == place)
  }

  @Test func `a final job is cancelled no more, and retried only when it did not succeed`() throws {
    let id = try harness.submit()
    #expect(try harness.send("POST", "/v1/jobs/\(id)/cancel").status == 202)
    let again = try harness.send("POST", "/v1/jobs/\(id)/cancel")
    #expect(again.status == 409)
    #expect(try again.json()["type"] == "urn:bitnet:problem:job-is-final")
    let retried = try harness.send("POST", "/v1/jobs/\(id)/retry")
    #expect(retried.status == 202)
    #expect(try retried.json()["state"] == "queued")
    #expect(try harness.send("POST", "/v1/jobs/\(id)/retry").status == 409)
  }

  @Test func `only a final job is deleted, and its files go when asked`() throws {
    let queued = try harness.submit()
    #expect(try harness.send("DELETE", "/v1/jobs/\(queued)").status == 409)
    _ = try harness.store.cancel(queued)
    let id = try harness.succeeded()
    let answer = try harness.send("DELETE", "/v1/jobs/\(id)?artifacts=true")
    #expect(answer.status == 204)
    #expect(try harness.send("GET", "/v1/jobs/\(id)").status == 404)
    #expect(!FileManager.default.fileExists(atPath: harness.folder + "/left"))
  }

  @Test func `a long poll answers at the next change of state`() throws {
    let id = try harness.submit()
    let waiting = try harness.open("GET", "/v1/jobs/\(id)?wait=300")
    while try !harness.send("GET", "/metrics").text.contains("bitnet_long_polls 1\n") {}
    _ = try harness.store.cancel(id)
    let answer = try waiting.readAll()
    #expect(answer.status == 200)
    #expect(try answer.json()["state"] == "cancelled")
  }

  @Test func `a long poll on a final job answers at once, and on a quiet one after its time`()
    throws
  {
    let done = try harness.succeeded()
    #expect(
      try harness.send("GET", "/v1/jobs/\(done)?wait=300").json()["state"] == "succeeded")
    let quiet = try harness.submit()
    #expect(try harness.send("GET", "/v1/jobs/\(quiet)?wait=0.05").json()["state"] == "queued")
    #expect(try harness.send("GET", "/v1/jobs/\(JobID.make(at: .now()))?wait=9").status == 404)
  }

  @Test func `metrics, logs, health and files of a job can be read`() throws {
    let id = try harness.succeeded()
    let metrics = try harness.send("GET", "/v1/jobs/\(id)/metrics?name=loss").json()
    #expect(metrics["series"]?["loss"]?["value"] == [2.0])
    let logs = try harness.send("GET", "/v1/jobs/\(id)/logs")
    #expect(try JSONValue(parsing: logs.text)["message"] == "almost")
    let text = try harness.send(
      "GET", "/v1/jobs/\(id)/logs", headers: ["Accept": "text/plain"]
    ).text
    #expect(text.hasSuffix("info almost\n"))
    #expect(try harness.send("GET", "/v1/jobs/\(id)/health").json() == ["step": 1])
    let list = try harness.send("GET", "/v1/jobs/\(id)/artifacts").json()
    #expect(list["data"]?.arrayValue?.first?["bytes"] == 10)
  }

  @Test(arguments: [
    ("bytes=2-4", 206, "234"), ("bytes=7-", 206, "789"), ("bytes=-2", 206, "89"),
    ("bytes=5-99", 206, "56789"), ("bytes=10-", 416, nil), ("bytes=4-2", 200, "0123456789"),
    ("bytes=0-1,3-4", 200, "0123456789"), ("lines=1-2", 200, "0123456789"),
    ("bytes=-0", 416, nil), ("bytes=99999999999999999999-", 200, "0123456789"),
  ])
  func `a file is sent whole or in part`(range: String, status: Int, body: String?) throws {
    let id = try harness.succeeded()
    let answer = try harness.send(
      "GET", "/v1/jobs/\(id)/artifacts/data/a%20b.txt", headers: ["Range": range])
    #expect(answer.status == status)
    if let body { #expect(answer.text == body) }
    if status == 416 { #expect(answer.headers["content-range"] == "bytes */10") }
  }

  @Test func `a file's name may hold slashes, encoded or not, and nothing escapes the job`() throws
  {
    let id = try harness.succeeded()
    #expect(
      try harness.send("GET", "/v1/jobs/\(id)/artifacts/data%2Fa%20b.txt").text == "0123456789")
    for name in ["../left", "%2e%2e/left", "left", "data/", "/etc/passwd"] {
      #expect(try harness.send("GET", "/v1/jobs/\(id)/artifacts/\(name)").status == 404, "\(name)")
    }
  }

  @Test func `a large answer is packed for a client that takes it`() throws {
    let plain = try harness.send("GET", "/openapi.json")
    let packed = try harness.send(
      "GET", "/openapi.json", headers: ["Accept-Encoding": "br, gzip;q=0.5"])
    #expect(packed.headers["content-encoding"] == "gzip")
    #expect(packed.headers["vary"] == "Accept-Encoding")
    #expect(packed.body.starts(with: [0x1F, 0x8B]))
    #expect(packed.body.count < plain.body.count / 3)
    // The last four bytes of a gzip stream are the length of what it holds (RFC 1952).
    let length = packed.body.suffix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(length == plain.body.count)
    for refused in ["", "br", "gzip;q=0", "identity"] {
      let answer = try harness.send(
        "GET", "/openapi.json", headers: ["Accept-Encoding": refused])
      #expect(answer.headers["content-encoding"] == nil, "\(refused)")
    }
    let id = try harness.submit()
    let small = try harness.send("GET", "/v1/jobs/\(id)", headers: ["Accept-Encoding": "gzip"])
    #expect(small.headers["content-encoding"] == nil)
  }

  @Test func `a pipeline is submitted whole, and again by its key`() throws {
    let body = #"{"corpus": {"generator": "tool_calls"}, "tags": {"a": "b"}}"#
    let headers = ["Idempotency-Key": "p"]
    let first = try harness.send("POST", "/v1/pipelines", body, headers: headers)
    #expect(first.status == 201)
    let json = try first.json()
    #expect(json["jobs"]?.objectValue?.count == 7)
    let id = try #require(json["id"]?.stringValue)
    let page = try harness.send("GET", "/v1/jobs?tag=pipeline:\(id)").json()
    #expect(page["data"]?.arrayValue?.count == 7)
    #expect(
      page["data"]?.arrayValue?.map { $0["state"] } == Array(repeating: "waiting", count: 6) + [
        "queued"
      ])
    let second = try harness.send("POST", "/v1/pipelines", body, headers: headers)
    #expect(second.status == 200)
    #expect(try second.json() == json)
  }
}
