import Foundation
import Jobs
import TestSupport
import Testing

/// BitNet Distillation through the daemon: the pipeline, its options, and what does not fit.
struct BitDistillTests {
  private static let shape: JSONValue = [
    "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
    "num_attention_heads": 2, "max_position_embeddings": 64,
  ]

  private static let fine: JSONValue = [
    "steps": 12, "batch_size": 8, "sequence_length": 32,
    "optimizer": ["learning_rate": 0.003], "log_every": 1,
  ]

  /// Sentences with a label that a word of theirs decides, and the same as running text.
  private static func write(to folder: TemporaryFolder) throws {
    var random = SplitMix64(seed: 3)
    let words = [["bad", "dull", "poor"], ["good", "bright", "fine"]]
    func table(_ count: Int) -> String {
      let lines = (0..<count).map { _ -> String in
        let label = Int.random(in: 0...1, using: &random)
        let noun = ["film", "play", "book"].randomElement(using: &random) ?? ""
        return "a \(words[label].randomElement(using: &random) ?? "") \(noun) \t\(label)\n"
      }
      return "sentence\tlabel\n" + lines.joined()
    }
    let train = table(300)
    for (name, text) in [("train.tsv", train), ("dev.tsv", table(40)), ("text.txt", train)] {
      try Data(text.utf8).write(to: folder.data.appendingPathComponent(name))
    }
  }

  @Test func `a pipeline ends in one report of all students, with its options on the way`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    try Self.write(to: folder)
    let reply = try daemon.post(
      "/v1/pipelines",
      [
        "recipe": "bitdistill", "name": "tone", "seed": 5, "ablation": true,
        "corpus": ["path": "text.txt"],
        "task": ["task": "sst2", "path": "train.tsv", "held_out_fraction": 0.1],
        "evaluation": ["task": "sst2", "path": "dev.tsv"],
        "tokenizer": ["train": ["vocab_size": 320]],
        "base": ["model": Self.shape, "steps": 10, "batch_size": 4, "sequence_length": 32],
        "teacher": Self.fine,
        "continued": [
          "steps": 6, "batch_size": 4, "sequence_length": 32, "quantization_ramp": ["steps": 3],
        ],
        "student": Self.fine,
        "distill": [
          "on_policy": ["every": 3, "max_tokens": 4],
          "losses": ["ad": ["sweep": [0, 1], "heads": 2]],
        ],
        "eval": [
          "gates": [["metric": "sst2.accuracy", "op": ">=", "bound": 0, "required": true]]
        ],
      ])
    #expect(reply.status == 201, "\(reply.json.text)")
    let jobs = reply.json["jobs"]?.objectValue ?? [:]
    #expect(jobs.count == 11)
    var ended: [String: JSONValue] = [:]
    for (role, id) in jobs {
      let job = try daemon.finished(try #require(id.stringValue))
      #expect(job["state"]?.stringValue == "succeeded", "\(role): \(job.text)")
      ended[role] = job
    }
    let sweep = try #require(ended["distill"]?["result"]?["sweep"])
    #expect(sweep["layers"]?.arrayValue?.compactMap { $0["layer"]?.intValue } == [0, 1])
    #expect(sweep["metric"] == "accuracy")
    for layer in sweep["layers"]?.arrayValue ?? [] {
      #expect((layer["relation_weight"]?.doubleValue ?? 0) > 0)
      #expect(layer["validation_task"]?.doubleValue != nil)
    }
    #expect(
      ended["direct"]?["result"]?["validation_task"]?["figures"]?.arrayValue?.isEmpty == false)

    let student = try #require(jobs["distill"]?.stringValue)
    let series = try daemon.get("/v1/jobs/\(student)/metrics").json["series"]
    for name in [
      "loss_kd", "loss_kd_weighted", "loss_ad", "loss_ad_weighted", "gradient_norm_ad",
      "gradient_norm_kd", "gradient_norm_ce", "relation_weight", "trit_zero_share",
      "trit_changed_share",
    ] {
      #expect(series?[name]?["value"]?.arrayValue?.isEmpty == false, "\(name)")
    }
    let health = try daemon.get("/v1/jobs/\(student)/health").json
    #expect(health["trits"]?["threshold_distance"]?.arrayValue?.isEmpty == false)
    #expect((health["relation_weight"]?.doubleValue ?? 0) > 0)
    #expect((health["memory"]?["predicted"]?["teacher_bytes"]?.intValue ?? 0) > 0)

    let models = ended["eval"]?["result"]?["models"]
    for name in [
      "teacher", "direct_a8", "distilled_a8", "without_continued", "without_distillation",
      "logits_only", "relations_only",
    ] {
      let task = models?[name]?["tasks"]?.arrayValue?.first
      #expect(task?["examples"] == 40, "\(name)")
      #expect(models?[name]?["speed"]?["decode_tokens_per_s"]?.doubleValue != nil, "\(name)")
    }
    let summary = folder.data.appendingPathComponent("pipeline_summary.json")
    #expect(
      try JSONValue(parsing: Array(Data(contentsOf: summary)))["state"]?.stringValue
        == "succeeded")
    let page = folder.data.appendingPathComponent("report.html")
    #expect(try String(contentsOf: page, encoding: .utf8).contains("relations_only"))
    #expect(daemon.terminate() == 0)
  }

  @Test func `a teacher and a student that do not fit are refused before any work`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    try Self.write(to: folder)
    func base(vocabulary: Int64) throws -> String {
      let job = try daemon.submit(
        "train", name: "base",
        [
          "method": "pretrain", "model": Self.shape, "steps": 1, "batch_size": 2,
          "corpus": ["path": "text.txt"], "sequence_length": 32,
          "tokenizer": ["train": ["vocab_size": .int(vocabulary)]],
        ])
      #expect(try daemon.finished(job)["state"]?.stringValue == "succeeded")
      return job
    }
    let teacher = try base(vocabulary: 262)
    let other = try base(vocabulary: 270)
    func problem(_ changes: [(String, JSONValue)]) throws -> String {
      var spec: JSONObject = [
        "method": "distill", "model": ["init_from": .string(teacher), "quantization": "ternary"],
        "teacher": .string(teacher), "corpus": ["task": "sst2", "path": "train.tsv"], "steps": 2,
        "batch_size": 2, "sequence_length": 32,
      ]
      for (name, value) in changes { spec[name] = value }
      let job = try daemon.finished(daemon.submit("train", name: "student", .object(spec)))
      #expect(job["state"]?.stringValue == "failed", "\(job.text)")
      return job["problem"]?["detail"]?.stringValue ?? ""
    }
    #expect(try problem([("teacher", .string(other))]).contains("vocab_size is 270"))
    #expect(try problem([("losses", ["ad": ["layers": [7]]])]).contains("layers"))
    #expect(try problem([("losses", ["ad": ["sweep": [0, 7]]])]).contains("layers"))
    #expect(try problem([("losses", ["ad": ["heads": 3]])]).contains("heads"))
    let asking: JSONValue = [
      "name": "asking", "prompt": "{question}\n", "metrics": ["accuracy"],
      "answer": ["column": "label", "labels": ["0": "no", "1": "yes"]],
    ]
    let missing = try problem([("corpus", ["task": asking, "path": "train.tsv"])])
    #expect(missing.contains("question"), "\(missing)")
    let unknown: JSONValue = [
      "name": "unknown", "prompt": "{sentence}\n", "metrics": ["accuracy"],
      "answer": ["column": "label", "labels": ["0": "no", "2": "yes"]],
    ]
    let label = try problem([("corpus", ["task": unknown, "path": "train.tsv"])])
    #expect(label.contains("label"), "\(label)")
    let same: JSONValue = [
      "name": "same", "prompt": "{sentence}\n", "metrics": ["accuracy"],
      "answer": ["column": "label", "labels": ["0": " bad", "1": " bad indeed"]],
    ]
    #expect(try problem([("corpus", ["task": same, "path": "train.tsv"])]).contains("first token"))
    #expect(daemon.terminate() == 0)
  }
}
