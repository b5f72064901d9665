import Foundation
import Jobs
import TestSupport
import Testing

/// A task from its file to a gate, through the daemon.
struct TaskTests {
  private static let shape: JSONValue = [
    "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 2, "max_position_embeddings": 128,
  ]

  /// `count` sentences, whose label is whether they have a good or a bad word.
  private static func table(_ count: Int, seed: UInt64) -> String {
    var random = SplitMix64(seed: seed)
    let words = [["bad", "dull", "poor"], ["good", "bright", "fine"]]
    let lines = (0..<count).map { _ -> String in
      let label = Int.random(in: 0...1, using: &random)
      let noun = ["film", "play", "book"].randomElement(using: &random) ?? ""
      return "a \(words[label].randomElement(using: &random) ?? "") \(noun) \t\(label)\n"
    }
    return "sentence\tlabel\n" + lines.joined()
  }

  @Test func `a task is learnt, and judged for every model with intervals and gates`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    try Data(Self.table(400, seed: 1).utf8)
      .write(to: folder.data.appendingPathComponent("train.tsv"))
    try Data(Self.table(60, seed: 2).utf8)
      .write(to: folder.data.appendingPathComponent("dev.tsv"))
    let train: JSONValue = [
      "method": "pretrain", "model": Self.shape,
      "corpus": ["task": "sst2", "path": "train.tsv", "held_out_fraction": 0.1],
      "tokenizer": ["train": ["vocab_size": 320]], "steps": 150, "batch_size": 16,
      "sequence_length": 32, "optimizer": ["learning_rate": 0.003],
    ]
    let teacher = try daemon.submit("train", name: "taught", train)
    _ = try daemon.finished(teacher)
    // The same model before it has learnt much, to be told apart from the one that has.
    let untaught: JSONValue = [
      "method": "pretrain", "model": Self.shape, "steps": 1, "batch_size": 2,
      "corpus": ["task": "sst2", "path": "train.tsv", "limit": 10], "sequence_length": 32,
      "tokenizer": ["model": .string(teacher)],
    ]
    let other = try daemon.submit("train", name: "untaught", untaught)
    for id in [teacher, other] {
      let job = try daemon.finished(id)
      #expect(job["state"]?.stringValue == "succeeded", "\(job.text)")
    }
    let description: JSONValue = [
      "name": "tone", "prompt": "{sentence}\nSentiment:",
      "answer": ["column": "label", "prefix": " "],
      "metrics": ["exact_match", "rouge1"], "max_tokens": 4,
    ]
    let eval = try daemon.finished(
      daemon.submit(
        "eval", name: "judged",
        [
          "models": [
            "student": .string(teacher), "teacher": .string(teacher),
            "others": ["untaught": .string(other)],
          ],
          "tasks": [
            ["task": "sst2", "path": "dev.tsv"],
            ["task": "sst2", "path": "train.tsv", "held_out_fraction": 0.1, "name": "held_out"],
            ["task": description, "path": "dev.tsv", "limit": 10],
          ],
          "gates": [
            ["metric": "sst2.accuracy", "op": ">=", "bound": 0.9],
            ["metric": "held_out.f1", "op": ">=", "bound": 0.9],
            ["metric": "sst2.accuracy", "op": ">=", "bound": 0, "relative_to_teacher": true],
            ["metric": "untaught.sst2.accuracy", "op": "<", "bound": 0.9],
          ],
        ]))
    #expect(eval["state"]?.stringValue == "succeeded", "\(eval.text)")
    let result = try #require(eval["result"])
    let models = result["models"]
    let tasks = try #require(models?["distilled_a8"]?["tasks"]?.arrayValue)
    #expect(tasks.compactMap { $0["name"]?.stringValue } == ["sst2", "held_out", "tone"])
    #expect(tasks.compactMap { $0["examples"]?.intValue } == [60, 40, 10])
    let accuracy = try #require(tasks[0]["figures"]?.arrayValue?.first)
    #expect(accuracy["metric"] == "accuracy")
    #expect((accuracy["value"]?.doubleValue ?? 0) >= 0.9)
    #expect(accuracy["lower"]?.doubleValue != nil && accuracy["upper"]?.doubleValue != nil)
    #expect(models?["untaught"]?["tasks"]?.arrayValue?.count == 3)
    let page = try String(
      contentsOf: folder.data.appendingPathComponent("report.html"), encoding: .utf8)
    #expect(page.contains("sst2, 60 examples") && page.contains("untaught"))

    // The teacher's baseline is locked once, and need not be asked again.
    let baseline = try daemon.submit(
      "teacher", name: "baseline",
      [
        "teacher": ["model": .string(teacher)], "corpus": ["task": "sst2", "path": "dev.tsv"],
        "limit": 2, "max_tokens": 2,
      ])
    let locked = try daemon.finished(baseline)
    #expect(locked["result"]?["tasks"]?.arrayValue?.first?["figures"] == tasks[0]["figures"])
    for (limit, state) in [(60, "succeeded"), (30, "failed")] {
      let job = try daemon.finished(
        daemon.submit(
          "eval", name: "against the baseline",
          [
            "models": ["student": .string(teacher)], "baseline": .string(baseline),
            "tasks": [["task": "sst2", "path": "dev.tsv", "limit": .int(Int64(limit))]],
            "gates": [
              ["metric": "sst2.accuracy", "op": ">=", "bound": 0, "relative_to_teacher": true],
              ["metric": "sst2.accuracy", "op": "<=", "bound": 0, "relative_to_teacher": true],
            ],
          ]))
      #expect(job["state"]?.stringValue == state, "\(job.text)")
      let detail = job["problem"]?["detail"]?.stringValue ?? ""
      #expect(detail.hasPrefix("sst2: the teacher's baseline has 60") == (state == "failed"))
    }

    // What cannot be: refused at submission, or before a model is read.
    let missed = try daemon.finished(
      daemon.submit(
        "eval", name: "judged",
        [
          "models": ["student": .string(other)], "tasks": [["task": "sst2", "path": "dev.tsv"]],
          "gates": [["metric": "sst2.accuracy", "op": ">", "bound": 1]],
        ]))
    #expect(missed["state"]?.stringValue == "failed")
    #expect(missed["problem"]?.text.contains("gate-failed") == true, "\(missed.text)")
    let unknown = try daemon.post(
      "/v1/jobs",
      [
        "kind": "eval",
        "spec": [
          "models": ["student": .string(teacher)], "tasks": [["task": "sst", "path": "dev.tsv"]],
        ],
      ])
    #expect(unknown.status == 422)
    #expect(unknown.json["errors"]?.arrayValue?.first?["pointer"] == "/spec/tasks/0/task")
    try Data("sentence\tlabel\na\t1\nb\t2\n".utf8)
      .write(to: folder.data.appendingPathComponent("bad.tsv"))
    let bad = try daemon.finished(
      daemon.submit(
        "eval", name: "judged",
        [
          "models": ["student": .string(teacher)], "tasks": [["task": "sst2", "path": "bad.tsv"]],
        ]))
    #expect(bad["problem"]?.text.contains("bad.tsv: task line 3") == true, "\(bad.text)")
    #expect(daemon.terminate() == 0)
  }
}
