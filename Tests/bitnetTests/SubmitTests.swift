import Foundation
import HTTPServer
import Jobs
import Testing

struct SubmitTests {
  static let accepted: [String: FakeDaemon.Answer] = [
    "POST /v1/jobs": { _ in .json(["id": "job_1", "state": "queued"], status: 201) }
  ]

  @Test func `a spec from a file with settings over it is submitted, and the id printed`() throws {
    let daemon = try FakeDaemon(Self.accepted)
    let path = FileManager.default.temporaryDirectory.appending(path: "spec-\(UUID()).json").path
    try Data(#"{"steps": 10, "optimizer": {"beta1": 0.9}, "list": [1]}"#.utf8)
      .write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let run = try daemon.run(
      "submit", "train", "-f", path, "--set", "optimizer.learning_rate=3e-4", "--set",
      "steps=500", "--set", "text=true story", "--set", "flag=true", "--set", "list.+=2", "--set",
      "list.0=0", "--name", "n", "--priority", "5", "--tag", "team=a", "--after", "job_0",
      "--max-attempts", "2", "--idempotency-key", "k", token: "secret")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output == "job_1\n")
    let asked = try #require(daemon.asked.first)
    #expect(asked.headers["idempotency-key"] == "k")
    #expect(asked.headers["authorization"] == "Bearer secret")
    #expect(asked.headers["content-type"] == "application/json")
    #expect(
      asked.body == [
        "kind": "train",
        "spec": [
          "steps": 500, "optimizer": ["beta1": 0.9, "learning_rate": 3e-4], "list": [0, 2],
          "text": "true story", "flag": true,
        ],
        "name": "n", "priority": 5, "tags": ["team": "a"], "after": ["job_0"], "max_attempts": 2,
      ])
  }

  @Test func `a spec may come through standard input`() throws {
    let daemon = try FakeDaemon(Self.accepted)
    let run = try daemon.run("submit", "eval", "-f", "-", "--json", input: #"{"a": 1}"#)
    #expect(run.status == 0)
    #expect(try JSONValue(parsing: run.output)["id"] == "job_1")
    #expect(daemon.asked.first?.body?["spec"] == ["a": 1])
  }

  @Test func `every fault that the server names is printed, and the exit status is 4`() throws {
    let daemon = try FakeDaemon([
      "POST /v1/jobs": { _ in
        .problem(
          422, "The body is invalid", "2 faults",
          errors: [
            ["pointer": "/spec/steps", "detail": "must be 1 or more"],
            ["pointer": "/spec/x", "detail": "is unknown"],
          ])
      }
    ])
    let run = try daemon.run("submit", "train")
    #expect(run.status == 4)
    #expect(run.output.isEmpty)
    #expect(
      run.errors == """
        bitnet: The body is invalid (422)
        2 faults
          /spec/steps: must be 1 or more
          /spec/x: is unknown

        """)
    let json = try daemon.run("submit", "train", "--json")
    #expect(json.status == 4)
    #expect(try JSONValue(parsing: json.errors)["status"] == 422)
  }

  @Test func `a missing token is advised`() throws {
    let daemon = try FakeDaemon([
      "POST /v1/jobs": { _ in .problem(401, "A valid token is needed", "") }
    ])
    let run = try daemon.run("submit", "train")
    #expect(run.status == 4)
    #expect(run.errors.contains("BITNET_TOKEN"))
  }

  @Test(arguments: [
    ["submit"], ["submit", "nonsense"], ["nonsense"], ["submit", "train", "--set", "x"],
    ["submit", "train", "--set", "=1"], ["submit", "train", "--set", "a=1", "--set", "a.b=1"],
    ["submit", "train", "-f", "/nonexistent.json"], ["submit", "train", "--tag", "x"],
    ["retry", "a", "b", "--watch"], ["jobs", "--limit", "0"], ["show", "a", "--url", "x"],
    ["tokenizer", "train", "/nonexistent.txt", "--vocab-size", "300", "-o", "/tmp/x"],
  ])
  func `wrong usage says so, with exit status 2`(arguments: [String]) throws {
    let run = try BitnetRun(arguments)
    #expect(run.status == 2, "\(run.errors)")
    #expect(!run.errors.isEmpty)
    #expect(run.output.isEmpty)
  }

  @Test func `a spec that is not JSON is refused with its line`() throws {
    let run = try BitnetRun(["submit", "train", "-f", "-"], input: "{\n\"a\": 1,\n}")
    #expect(run.status == 2)
    #expect(run.errors.contains("line 3"), "\(run.errors)")
  }

  @Test func `without a server the exit status is 3, and the text says what to do`() throws {
    let gone = try FakeDaemon([:]).url
    let run = try BitnetRun(["jobs"], url: gone)
    #expect(run.status == 3)
    #expect(run.errors.contains("bitnetd serve"))
    #expect(run.errors.contains(gone))
  }

  @Test func `a server that is something else is told apart`() throws {
    let daemon = try FakeDaemon([
      "GET /v1/health": { _ in HTTPResponse(status: 200, bytes: Array("<html>".utf8)) }
    ])
    let run = try daemon.run("health")
    #expect(run.status == 3)
    #expect(run.errors.contains("not a bitnetd"))
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func `a completion script is printed`(shell: String) throws {
    let run = try BitnetRun(["--generate-completion-script", shell])
    #expect(run.status == 0)
    #expect(run.output.contains("submit"))
  }
}
