import Crypto
import Foundation
import HTTPServer
import JobServer
import JobStore
import Jobs
import Testing

struct RoutesGuardTests {
  let harness: RoutesHarness
  init() throws { harness = try RoutesHarness() }

  private static let dryrun = #"{"kind": "dryrun", "spec": {}}"#

  @Test(arguments: ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "127.evil"])
  func `a page that rebinds its name to this machine is refused`(host: String) throws {
    let answer = try harness.send("GET", "/v1/jobs", headers: ["Host": host])
    #expect(answer.status == 421)
  }

  @Test(arguments: ["localhost", "LOCALHOST:1", "127.0.0.1:80", "127.9.9.9", "[::1]:99"])
  func `loopback names are this daemon's`(host: String) throws {
    #expect(try harness.send("GET", "/v1/jobs", headers: ["Host": host]).status == 200)
  }

  @Test(arguments: [
    ["Origin": "https://evil.example"], ["Origin": "null"], ["Sec-Fetch-Site": "cross-site"],
    ["Origin": "http://127.0.0.1:1"], ["Sec-Fetch-Site": "same-site"],
  ])
  func `a page of another origin changes nothing`(headers: [String: String]) throws {
    let answer = try harness.send("POST", "/v1/jobs", Self.dryrun, headers: headers)
    #expect(answer.status == 403)
    let id = try harness.submit()
    #expect(try harness.send("POST", "/v1/jobs/\(id)/cancel", headers: headers).status == 403)
    #expect(try harness.send("DELETE", "/v1/jobs/\(id)", headers: headers).status == 403)
    #expect(try harness.send("GET", "/v1/jobs").json()["data"]?.arrayValue?.count == 1)
  }

  @Test func `the daemon's own pages may`() throws {
    let answer = try harness.send(
      "POST", "/v1/jobs", Self.dryrun,
      headers: [
        "Origin": "http://127.0.0.1:\(harness.server.port)", "Sec-Fetch-Site": "same-origin",
      ])
    #expect(answer.status == 201)
    #expect(answer.headers["access-control-allow-origin"] == nil)
  }

  @Test(arguments: ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
  func `what a form can send is refused`(type: String) throws {
    let answer = try harness.send(
      "POST", "/v1/jobs", Self.dryrun, headers: ["Content-Type": type])
    #expect(answer.status == 415)
  }

  @Test func `a body may name its character set`() throws {
    let answer = try harness.send(
      "POST", "/v1/jobs", Self.dryrun, headers: ["Content-Type": "Application/JSON; charset=utf-8"])
    #expect(answer.status == 201)
  }

  @Test func `with a token nobody reads or changes anything without it, but probes work`() throws {
    let harness = try RoutesHarness { services in
      services.tokenHash = Data(SHA256.hash(data: Data("secret".utf8)))
    }
    for headers in [
      [:], ["Authorization": "Bearer wrong"], ["Authorization": "secret"],
      ["Authorization": "Basic secret"], ["Authorization": "Bearer secret x"],
    ] {
      let answer = try harness.send("GET", "/v1/jobs", headers: headers)
      #expect(answer.status == 401)
      #expect(answer.headers["www-authenticate"] == "Bearer")
      #expect(
        try harness.send("POST", "/v1/jobs", Self.dryrun, headers: headers).status == 401)
      #expect(try harness.send("GET", "/metrics", headers: headers).status == 401)
    }
    let headers = ["Authorization": "Bearer secret", "Host": "any.example"]
    #expect(try harness.send("GET", "/v1/jobs", headers: headers).status == 200)
    #expect(try harness.send("POST", "/v1/jobs", Self.dryrun, headers: headers).status == 201)
    for path in ["/livez", "/readyz", "/openapi.json"] {
      #expect(try harness.send("GET", path).status == 200)
    }
  }

  @Test func `a wrong method is told which are right`() throws {
    let answer = try harness.send("PUT", "/v1/jobs", "{}")
    #expect(answer.status == 405)
    #expect(answer.headers["allow"] == "GET, HEAD, POST")
    #expect(try harness.send("POST", "/livez").headers["allow"] == "GET, HEAD")
    #expect(try harness.send("GET", "/v1/jobs/").status == 404)
    #expect(try harness.send("GET", "/").status == 404)
  }

  @Test func `HEAD answers like GET, without the body`() throws {
    let id = try harness.succeeded()
    for path in [
      "/v1/jobs/\(id)", "/v1/jobs", "/openapi.json", "/v1/jobs/\(id)/artifacts/data/a%20b.txt",
    ] {
      let get = try harness.send("GET", path)
      let head = try harness.send("HEAD", path)
      #expect(head.status == 200)
      #expect(head.body.isEmpty)
      #expect(head.headers["content-length"] == "\(get.body.count)")
      #expect(head.headers["etag"] == get.headers["etag"])
    }
    #expect(try harness.send("HEAD", "/v1/jobs/\(id)/events").status == 200)
  }

  @Test func `a body over the limit is 413`() throws {
    let body =
      #"{"kind": "dryrun", "name": ""# + String(repeating: "a", count: 1 << 20) + #"", "spec": {}}"#
    #expect(try harness.send("POST", "/v1/jobs", body).status == 413)
  }

  @Test func `many and deep members are refused in bounded time`() throws {
    let wide = "{" + (0..<60_000).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
    let answer = try harness.send("POST", "/v1/jobs", wide)
    #expect(answer.status == 422 || answer.status == 400)
    #expect(answer.body.count < 100_000)
    let prompts = Array(repeating: "1", count: 10_000).joined(separator: ",")
    let wrong = try harness.send(
      "POST", "/v1/jobs", #"{"kind": "teacher", "spec": {"prompts": [\#(prompts)]}}"#)
    #expect(wrong.status == 422)
    #expect(wrong.body.count < 100_000)
    let deep = String(repeating: "[", count: 100_000)
    #expect(try harness.send("POST", "/v1/jobs", deep).status == 400)
  }
}
