import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing

/// Collections from a hosted teacher, by the program as a user runs it.
struct HostedCollectTests {
  /// Trains the smallest student; for one step where only its tokenizer is needed.
  private func student(_ daemon: DaemonProcess, steps: Int64 = 1) throws -> String {
    let job = try daemon.submit(
      "train", name: "student",
      [
        "method": "direct",
        "model": [
          "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
          "num_attention_heads": 2,
        ],
        "corpus": ["generator": "tool_calls", "count": 40, "seed": 3],
        "tokenizer": ["train": ["vocab_size": 300]], "sequence_length": 64, "batch_size": 2,
        "steps": .int(steps), "precision": "fp32",
      ])
    let final = try daemon.finished(job)
    try #require(final["state"]?.stringValue == "succeeded", "\(final.text)")
    return job
  }

  private func corpus(_ count: Int, in folder: URL) throws -> String {
    let lines = (0..<count).map { #"{"prompt": "question \#($0)", "completion": ""}"# + "\n" }
    let file = folder.appendingPathComponent("prompts.jsonl")
    try Data(lines.joined().utf8).write(to: file)
    return file.path
  }

  private func spec(_ stub: TeacherStub, corpus: String, student: String) -> JSONValue {
    [
      "teacher": [
        "provider": "custom", "base_url": .string(stub.url), "model": "stub", "terms": "allowed",
        "price_per_million_completion": 2, "concurrency": 8,
      ],
      "corpus": ["path": .string(corpus), "validation_fraction": 0, "test_fraction": 0],
      "tokenizer": ["model": .string(student)], "top_k": 2, "max_tokens": 64,
    ]
  }

  @Test(arguments: ["answer", "score"])
  func `another model of a daemon teaches over HTTP`(purpose: String) throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    // Long enough to have learned that text is ASCII.
    let student = try student(daemon, steps: 60)
    let lines = (0..<12).map {
      #"{"prompt": "turn on lamp \#($0)", "completion": "{\"tool\": \#($0)}"}"# + "\n"
    }
    let file = folder.url.appendingPathComponent("prompts.jsonl")
    try Data(lines.joined().utf8).write(to: file)
    let job = try daemon.submit(
      "collect", name: "over-http",
      [
        "teacher": [
          "provider": "bitnet", "base_url": .string(daemon.url + "/v1"), "model": .string(student),
          "api": "completions", "concurrency": 4,
        ],
        "purpose": .string(purpose),
        "corpus": ["path": .string(file.path), "validation_fraction": 0, "test_fraction": 0],
        "tokenizer": ["model": .string(student)], "top_k": 5, "max_tokens": 12,
        // The likeliest tokens of a barely trained model are text, its others are not.
        "sampling_temperature": 0,
      ])
    let final = try daemon.finished(job)
    try #require(final["state"]?.stringValue == "succeeded", "\(final.text)")
    #expect(final["result"]?["captures"]?.intValue == 12)
    #expect(final["result"]?["sequences"]?.intValue == 12)
    #expect(final["result"]?["given_up"]?.intValue == 0)
  }

  @Test func `answers become traces, killed in between, and nothing stored is paid for again`()
    throws
  {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.data, withIntermediateDirectories: true)
    let victim = Atomic<Int32>(0)
    let asked = Atomic<Int>(0)
    let kills: Set = [60, 150, 260]
    let stub = try TeacherStub { prompt, _ in
      guard prompt.hasPrefix("question") else { return nil }
      let number = asked.add(1, ordering: .relaxed).newValue
      if kills.contains(number) { kill(victim.load(ordering: .relaxed), SIGKILL) }
      return nil
    }
    let prompts = try corpus(400, in: folder.url)
    var daemon = try DaemonProcess(data: folder.data)
    let spec = spec(stub, corpus: prompts, student: try student(daemon))
    victim.store(daemon.processID, ordering: .relaxed)
    let job = try daemon.submit("collect", name: "answers", spec)
    for _ in kills {
      daemon.waitUntilExit()
      daemon = try DaemonProcess(data: folder.data)
      victim.store(daemon.processID, ordering: .relaxed)
    }
    let final = try daemon.finished(job)
    try #require(final["state"]?.stringValue == "succeeded", "\(final.text)")
    let result = try #require(final["result"])
    #expect(result["captures"]?.intValue == 400)
    #expect(result["sequences"]?.intValue == 400)
    #expect(result["given_up"]?.intValue == 0)
    #expect((result["cost"]?.doubleValue ?? 0) > 0)
    let paid = stub.report.paid.filter { $0.key.hasPrefix("question") }
    #expect(paid.count == 400)
    // Only what was on its way when the process died may have been answered twice.
    let twice = paid.values.reduce(0) { $0 + $1 - 1 }
    #expect(twice <= kills.count * 8)
    let names = try daemon.get("/v1/jobs/\(job)/artifacts").json["data"]?.arrayValue ?? []
    let files = names.compactMap { $0["name"]?.stringValue }
    #expect(files.contains("captures/capture_shard_000.parquet"))
    #expect(files.contains("data/kd_shard_000.parquet"))
    let rows = try daemon.get("/v1/traces/\(job)/rows?sequence=7&limit=100").json
    let signal = (rows["data"]?.arrayValue ?? []).filter {
      !($0["top_k"]?.arrayValue ?? []).isEmpty
    }
    #expect(!signal.isEmpty)
    #expect(daemon.terminate() == 0)
  }

  @Test func `what cannot be asked is refused before anything is paid for`() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(at: folder.data, withIntermediateDirectories: true)
    let stub = try TeacherStub { _, _ in .emptyTopLogprobs }
    let daemon = try DaemonProcess(data: folder.data)
    let prompts = try corpus(30, in: folder.url)
    let student = try student(daemon)
    let job = try daemon.finished(
      daemon.submit("collect", name: "no", spec(stub, corpus: prompts, student: student)))
    #expect(job["state"]?.stringValue == "failed")
    #expect(
      job["problem"]?["detail"]?.stringValue?.contains("gives no log-probabilities") == true)
    #expect(stub.report.requests.keys.allSatisfy { !$0.hasPrefix("question") })

    let probe = try daemon.post(
      "/v1/teachers/probe",
      [
        "teacher": ["provider": "custom", "base_url": .string(stub.url), "model": "stub"],
        "top_k": 2,
      ])
    #expect(probe.status == 200)
    #expect(probe.json["usable"]?.boolValue == false)
    let providers = try daemon.get("/v1/teachers").json["data"]?.arrayValue ?? []
    #expect(providers.contains { $0["provider"]?.stringValue == "vllm" })

    let refused = try daemon.post(
      "/v1/jobs",
      [
        "kind": "collect",
        "spec": [
          "teacher": ["provider": "openai", "model": "gpt-4.1-mini", "api_key_env": "PATH"],
          "corpus": ["path": .string(prompts)],
        ],
      ])
    #expect(refused.status == 422)
    let pointers = (refused.json["errors"]?.arrayValue ?? []).compactMap {
      $0["pointer"]?.stringValue
    }
    #expect(pointers.sorted() == ["/spec/teacher", "/spec/tokenizer"])
    #expect(daemon.terminate() == 0)
  }
}
