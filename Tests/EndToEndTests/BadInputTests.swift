import Foundation
import Jobs
import Testing

/// Input that a user can get wrong, each with one clear answer; the daemon lives through all of it.
struct BadInputTests {
  private func training(_ changes: [String: JSONValue]) -> JSONValue {
    var spec: JSONObject = [
      "method": "pretrain", "model": ["preset": "demo"],
      "tokenizer": ["train": ["vocab_size": 300]], "steps": 2,
      "corpus": ["generator": "tool_calls", "count": 50],
    ]
    for (key, value) in changes { spec[key] = value }
    return .object(spec)
  }

  @Test func `bad specs are refused at once with a pointer to each fault`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let cases: [(JSONValue, String)] = [
      (training(["stepps": 3]), "/spec/stepps"),
      (training(["steps": "many"]), "/spec/steps"),
      (training(["steps": 0]), "/spec/steps"),
      (training(["corpus": ["path": "no-such-file.txt"]]), "/spec/corpus/path"),
      (training(["model": ["preset": "demo", "num_key_value_heads": 3]]), "/spec/model"),
      (
        training([
          "model": ["preset": "7b"], "batch_size": 4096, "sequence_length": 4096,
        ]), "/spec/model"
      ),
    ]
    for (spec, pointer) in cases {
      let reply = try daemon.post("/v1/jobs", ["kind": "train", "spec": spec])
      #expect(reply.status == 422, "\(spec.text): \(reply.json.text)")
      let pointers = (reply.json["errors"]?.arrayValue ?? []).compactMap {
        $0["pointer"]?.stringValue
      }
      #expect(pointers.contains { $0.hasPrefix(pointer) }, "\(spec.text): \(reply.json.text)")
    }
    #expect(try daemon.get("/v1/health").status == 200)
  }

  @Test func `what is not supported is refused before any work`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let model: JSONValue = "job_00000000000000000000000001"
    let cases: [(kind: String, spec: JSONValue, pointer: String)] = [
      ("eval", ["models": ["student": model]], "/spec"),
      (
        "export", ["model": model, "format": "gguf", "weights": "packed"], "/spec/weights"
      ),
      (
        "collect",
        [
          "teacher": ["provider": "vllm", "model": "m"], "corpus": ["generator": "tool_calls"],
          "tokenizer": ["train": ["vocab_size": 300]],
        ], "/spec/tokenizer/train"
      ),
    ]
    for (kind, spec, pointer) in cases {
      let reply = try daemon.post("/v1/jobs", ["kind": .string(kind), "spec": spec])
      #expect(reply.status == 422, "\(kind): \(reply.json.text)")
      let pointers = (reply.json["errors"]?.arrayValue ?? []).map { $0["pointer"]?.stringValue }
      #expect(pointers == [pointer], "\(kind): \(reply.json.text)")
    }
  }

  @Test func `bad files fail their job with a message that names them`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    func file(_ name: String, _ bytes: [UInt8]) throws -> String {
      let url = folder.url.appendingPathComponent(name)
      try Data(bytes).write(to: url)
      return url.path
    }
    let cases: [(String, String)] = [
      (try file("empty.txt", []), "empty"),
      (try file("binary.txt", [65, 0, 66]), "offset 1"),
      (try file("latin.txt", Array("caf".utf8) + [0xE9, 10]), "byte 3"),
      (try file("short.txt", Array("a few words\n".utf8)), "fewer than one sequence of 257"),
      (try file("bad.jsonl", Array("{\"prompt\": 1}\n".utf8)), "line 1"),
    ]
    for (path, message) in cases {
      let job = try daemon.submit(
        "train", name: "bad", training(["corpus": ["path": .string(path)]]))
      let final = try daemon.finished(job)
      #expect(final["state"]?.stringValue == "failed")
      let detail = final["problem"]?["detail"]?.stringValue ?? ""
      #expect(detail.contains(message), "\(path): \(final["problem"]?.text ?? "")")
    }
    #expect(try daemon.get("/v1/health").status == 200)
  }

  @Test func `traces that were cut short fail the training that names them`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let shape: JSONValue = [
      "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
      "num_attention_heads": 2,
    ]
    let teacher = try daemon.submit("train", name: "teacher", training(["model": shape]))
    _ = try daemon.finished(teacher)
    let collect = try daemon.submit(
      "collect", name: "traces",
      [
        "teacher": ["model": .string(teacher)], "top_k": 4,
        "corpus": ["generator": "tool_calls", "count": 50],
      ])
    #expect(try daemon.finished(collect)["state"]?.stringValue == "succeeded")
    let shard = folder.data.appendingPathComponent("data/kd_shard_000.parquet")
    let whole = try Data(contentsOf: shard)
    try whole.prefix(whole.count / 2).write(to: shard.resolvingSymlinksInPath())
    let student = try daemon.submit(
      "train", name: "student",
      ["method": "distill", "model": shape, "traces": .string(collect), "steps": 2])
    let final = try daemon.finished(student)
    #expect(final["state"]?.stringValue == "failed")
    let detail = final["problem"]?["detail"]?.stringValue ?? ""
    #expect(detail.contains("kd_shard_000.parquet"), "\(detail)")
  }
}
