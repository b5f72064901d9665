import Foundation
import HTTPServer
import Jobs
import Testing

struct ReadingTests {
  private static func job(_ number: Int) -> JSONValue {
    [
      "id": .string("job_\(number)"), "kind": "train", "state": "running", "name": "a\u{7}b",
      "progress": ["fraction": 0.42, "step": 1, "steps_total": 2, "eta_s": nil, "message": ""],
      "created_at": "2026-01-01T00:00:00.000Z", "spec": ["optimizer": ["beta1": 0.9]],
      "result": ["loss": 1.5], "artifacts": [["name": "x.json", "bytes": 2048]],
    ]
  }

  @Test func `jobs come page by page into one table`() throws {
    let daemon = try FakeDaemon([
      "GET /v1/jobs": { request in
        let isFirst = !request.query.contains { $0.name == "after" }
        return .json([
          "data": [isFirst ? Self.job(1) : Self.job(2)], "next": isFirst ? "job_1" : nil,
        ])
      }
    ])
    let run = try daemon.run("jobs", "--state", "running", "--kind", "train", "--limit", "9")
    #expect(
      run.output == """
        ID     KIND   STATE    DONE  CREATED                   NAME
        job_1  train  running  42%   2026-01-01T00:00:00.000Z  a\u{FFFD}b
        job_2  train  running  42%   2026-01-01T00:00:00.000Z  a\u{FFFD}b

        """)
    #expect(
      daemon.asked.map(\.line) == [
        "GET /v1/jobs?kind=train&state=running&limit=9",
        "GET /v1/jobs?kind=train&state=running&limit=8&after=job_1",
      ])
    let json = try daemon.run("jobs", "--json")
    #expect(try JSONValue(parsing: json.output).arrayValue?.count == 2)
  }

  @Test func `a job is shown with its spec, result and files`() throws {
    let daemon = try FakeDaemon(["GET /v1/jobs/job_1": { _ in .json(Self.job(1)) }])
    let run = try daemon.run("show", "job_1")
    for part in ["beta1: 0.9", "loss: 1.5", "x.json  2 KiB", "state         running"] {
      #expect(run.output.contains(part), "\(run.output)")
    }
  }

  @Test func `a metric is plotted from its first step to its last`() throws {
    let steps = (0..<200).map { JSONValue.int(Int64($0)) }
    let values = (0..<200).map { JSONValue.double(5 * exp(-Double($0) / 50)) }
    let daemon = try FakeDaemon([
      "GET /v1/jobs/job_1/metrics": { _ in
        .json(["series": ["loss": ["step": .array(steps), "value": .array(values)]]])
      }
    ])
    let run = try daemon.run("metrics", "job_1", "--name", "loss", "--height", "5")
    let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    #expect(lines.count == 1 + 5 + 1 + 2)
    #expect(lines[0].hasPrefix("loss  last 0.09"))
    // The curve starts at the top left and ends at the bottom right; U+2800 is a blank.
    #expect(lines[1].contains("5 ┤") && !lines[1].contains("┤\u{2800}"), "\(run.output)")
    #expect(lines[1].hasSuffix("\u{2800}") && !lines[5].hasSuffix("\u{2800}"))
    #expect(lines[6].hasSuffix("199"))
    #expect(daemon.asked.first?.line == "GET /v1/jobs/job_1/metrics?max_points=1000&name=loss")
  }

  @Test func `a profile shows the longest operation first, beside the machine's peak`() throws {
    func operation(
      _ name: String, _ seconds: Double, _ limit: String, _ rate: JSONValue, _ peak: JSONValue,
      _ share: JSONValue
    ) -> JSONValue {
      [
        "operation": .string(name), "calls": 4.0, "seconds": .double(seconds), "share": 0.25,
        "limit": .string(limit), "per_s": rate, "peak_per_s": peak, "share_of_peak": share,
      ]
    }
    let profile: JSONValue = [
      "steps": 20, "step_s": 0.1, "product_share": 0.8,
      "operations": [
        operation("batch", 0.001, "memory", nil, nil, nil),
        operation("qkv", 0.02, "int8", 400e9, 500e9, 0.8),
        operation("optimizer", 0.01, "memory", 20e9, 25e9, 0.8),
      ],
    ]
    let daemon = try FakeDaemon([
      "GET /v1/jobs/job_1/health": { _ in .json(["profile": profile]) },
      "GET /v1/jobs/job_2/health": { _ in .json([:]) },
    ])
    #expect(
      try daemon.run("metrics", "--profile", "job_1").output == """
        a step takes 100.0 ms (mean of 20), products are 80.0% of it
        OPERATION  MS     SHARE  CALLS  LIMIT   RATE         PEAK         OF PEAK
        qkv        20.00  25.0%  4      int8    400.0 GOP/s  500.0 GOP/s  80.0%
        optimizer  10.00  25.0%  4      memory  20.0 GB/s    25.0 GB/s    80.0%
        batch      1.00   25.0%  4      memory  -            -            -

        """)
    let json = try daemon.run("metrics", "--profile", "job_1", "--json").output
    #expect(try JSONValue(parsing: json) == profile)
    #expect(try daemon.run("metrics", "--profile", "job_2").output.isEmpty)
  }

  @Test func `logs, cancel, retry, models and health read as they should`() throws {
    let daemon = try FakeDaemon([
      "GET /v1/jobs/job_1/logs": { _ in
        let line: JSONValue = ["seq": 1, "time": "T", "level": "info", "message": "hello"]
        return HTTPResponse(status: 200, bytes: line.bytes + [0x0A])
      },
      "POST /v1/jobs/job_1/cancel": { _ in .json(["state": "running"], status: 202) },
      "POST /v1/jobs/job_1/retry": { _ in .json(["state": "queued"], status: 202) },
      "GET /v1/models": { _ in
        .json([
          "data": [["id": "mdl_1", "parameters": 7_240_000_000, "bytes": 3_221_225_472]],
          "next": nil,
        ])
      },
      "GET /v1/health": { _ in
        .json([
          "status": "degraded", "version": "1", "uptime_s": 90, "checks": ["disk": "full"],
          "jobs": ["queued": 2],
        ])
      },
    ])
    #expect(try daemon.run("logs", "job_1").output == "T info hello\n")
    #expect(try daemon.run("cancel", "job_1").output == "job_1 running\n")
    #expect(try daemon.run("retry", "job_1").output == "job_1 queued\n")
    let models = try daemon.run("models").output
    #expect(models.contains("7.24B") && models.contains("3 GiB"), "\(models)")
    let health = try daemon.run("health")
    #expect(health.status == 1)
    #expect(health.output.contains("disk: full") && health.output.contains("up for 1m 30s"))
  }

  @Test func `rows of a trace show token, other mass and candidates`() throws {
    let daemon = try FakeDaemon([
      "GET /v1/traces/trc_1/rows": { _ in
        .json([
          "data": [
            [
              "position": 3, "token": " a\n", "other_logprob": .double(log(0.25)),
              "loss_mask": true, "top_k": [["token": "b", "logprob": .double(log(0.5))]],
            ]
          ]
        ])
      }
    ])
    let run = try daemon.run("traces", "head", "trc_1", "-n", "1")
    #expect(run.output.contains("␣a⏎"))
    #expect(run.output.contains("25.0%  yes   b 50.0%"), "\(run.output)")
  }

  @Test func `a pipeline prints its stages, and what a server cannot do is its answer`() throws {
    let daemon = try FakeDaemon([
      "POST /v1/pipelines": { _ in
        .json(["id": "job_1", "jobs": ["pretrain": "job_1", "eval": "job_2"]], status: 201)
      },
      "POST /v1/completions": { _ in
        .problem(501, "Not implemented", "This server serves no completions yet.")
      },
      "POST /v1/jobs": { _ in .json(["id": "job_3"], status: 201) },
    ])
    let run = try daemon.run(
      "pipeline", "--set", "name=demo", "--set", "corpus.generator=tool_calls")
    #expect(run.output == "STAGE     JOB\npretrain  job_1\neval      job_2\n")
    #expect(
      daemon.asked.first?.body == ["name": "demo", "corpus": ["generator": "tool_calls"]])
    let generate = try daemon.run("generate", "mdl_1", "Once", "--max-tokens", "5")
    #expect(generate.status == 4)
    #expect(generate.errors.contains("This server serves no completions yet."))
    #expect(try daemon.run("export", "mdl_1", "--format", "gguf").output == "job_3\n")
    #expect(daemon.asked.last?.body?["spec"] == ["model": "mdl_1", "format": "gguf"])
  }

  @Test func `generate shows an answer as it comes, and its refusal in the server's words`() throws
  {
    let events = ["Once ", "upon\u{1B}[2J\n", "a time"].map { piece in
      let chunk: JSONValue = ["choices": [["index": 0, "text": .string(piece)]]]
      return "data: \(chunk.text)\n\n"
    }
    let daemon = try FakeDaemon([
      "POST /v1/completions": { _ in
        HTTPResponse(
          status: 200, headers: [(name: "Content-Type", value: "text/event-stream")],
          bytes: Array((events.joined() + "data: [DONE]\n\n").utf8))
      },
      "POST /v1/chat/completions": { _ in
        .json(["error": ["message": "no chat template", "param": "messages"]], status: 400)
      },
    ])
    let run = try daemon.run("generate", "tiny", "Once", "--max-tokens", "5", "--stop", "x")
    #expect(run.output == "Once upon\u{FFFD}[2J\na time\n")
    #expect(daemon.asked.first?.body?["stream"] == true)
    #expect(daemon.asked.first?.body?["stop"] == ["x"])
    let refused = try daemon.run("generate", "tiny", "Hi", "--chat")
    #expect(refused.status == 4)
    #expect(refused.errors.contains("messages: no chat template (400)"))
    #expect(
      daemon.asked.last?.body?["messages"] == [["role": "user", "content": "Hi"]])
  }
}
