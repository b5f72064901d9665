import Foundation
import Jobs
import Testing

/// A few steps of a full-precision model without SubLN.
private let tinyTeacher: JSONValue = [
  "method": "pretrain",
  "model": [
    "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
    "num_attention_heads": 2,
  ],
  "corpus": ["generator": "tool_calls", "count": 40, "seed": 3],
  "tokenizer": ["train": ["vocab_size": 300]], "sequence_length": 160, "batch_size": 4,
  "steps": 3, "precision": "fp32", "seed": 11,
]

struct ConvertTests {
  @Test func `a teacher is converted, compared with what it was, and trained on from there`() throws
  {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let teacher = try daemon.submit("train", name: "teacher", tinyTeacher)
    #expect(try daemon.finished(teacher)["state"]?.stringValue == "succeeded")
    let corpus: JSONValue = ["generator": "tool_calls", "count": 40, "seed": 3, "part": "test"]

    let id = try daemon.submit(
      "convert", name: "student", ["model": .string(teacher), "corpus": corpus])
    let converted = try daemon.finished(id)
    #expect(converted["state"]?.stringValue == "succeeded", "\(converted.text)")
    let report = try daemon.get("/v1/jobs/\(id)/artifacts/convert_report.json").json
    #expect(report["added_norms"]?.intValue == 2)
    #expect(report["matrices"]?.arrayValue?.count == 7)
    // Normal numbers, nearly: a share of 0.31 is within half a mean magnitude of 0.
    let zeros = try #require(report["zero_share"]?.doubleValue)
    #expect(0.25 < zeros && zeros < 0.4)
    let drift = try #require(report["drift"])
    #expect(drift["original"]?["kl_to_teacher"] == .null)
    for model in ["sub_norm", "ternary"] {
      #expect((drift[model]?["kl_to_teacher"]?.doubleValue ?? 0) > 0, "\(model)")
      #expect(drift[model]?["positions"] == drift["original"]?["positions"])
    }

    // The same comparison as an evaluation makes of the two models.
    let evaluation = try daemon.finished(
      daemon.submit(
        "eval", name: "eval",
        ["models": ["student": .string(id), "teacher": .string(teacher)], "corpus": corpus]))
    let judged = evaluation["result"]?["models"]?["distilled_a8"]?["held_out"]
    #expect(judged?["cross_entropy"] == drift["ternary"]?["cross_entropy"])
    #expect(judged?["kl_to_teacher"] == drift["ternary"]?["kl_to_teacher"])

    guard case .object(var training) = tinyTeacher else { return }
    training["method"] = "direct"
    training["model"] = ["init_from": .string(id)]
    training["tokenizer"] = nil
    let student = try daemon.finished(daemon.submit("train", name: "s", .object(training)))
    #expect(student["state"]?.stringValue == "succeeded", "\(student.text)")

    let again = try daemon.post("/v1/jobs", ["kind": "convert", "spec": ["model": .string(id)]])
    #expect(again.status == 422)
    #expect(again.json.text.contains("ternary already"), "\(again.json.text)")
  }

  @Test func `plain text is scored in pieces, and text shorter than one is refused`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let teacher = try daemon.submit("train", name: "teacher", tinyTeacher)
    #expect(try daemon.finished(teacher)["state"]?.stringValue == "succeeded")
    let text = folder.url.appendingPathComponent("held-out.txt")
    try Data((1...400).map { "line \($0) of text\n" }.joined().utf8).write(to: text)
    let corpus: JSONValue = ["path": .string(text.path), "part": "train"]
    func convert(length: Int64) throws -> JSONValue {
      try daemon.finished(
        daemon.submit(
          "convert", name: "c",
          [
            "model": .string(teacher), "corpus": corpus, "quantization": "none",
            "sequence_length": .int(length), "max_examples": 3,
          ]))
    }
    let converted = try convert(length: 32)
    #expect(converted["state"]?.stringValue == "succeeded", "\(converted.text)")
    let id = try #require(converted["id"]?.stringValue)
    let report = try daemon.get("/v1/jobs/\(id)/artifacts/convert_report.json").json
    #expect(report["matrices"]?.arrayValue?.isEmpty == true)
    #expect(report["drift"]?["texts"]?.intValue == 3)
    #expect(report["drift"]?["original"]?["positions"]?.intValue == 96)
    #expect(report["drift"]?["ternary"] == .null)
    #expect((report["drift"]?["sub_norm"]?["kl_to_teacher"]?.doubleValue ?? 0) > 0)

    // Pieces are never longer than what the model takes.
    #expect(try convert(length: 100_000)["state"]?.stringValue == "succeeded")
    try Data("one line of text\n".utf8).write(to: text)
    let refused = try convert(length: 32)
    #expect(refused["problem"]?["detail"]?.stringValue?.contains("fewer than one sequence") == true)
  }

  @Test func `a rotated student keeps its rotation in training, unless it is told not to`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let teacher = try daemon.submit("train", name: "teacher", tinyTeacher)
    #expect(try daemon.finished(teacher)["state"]?.stringValue == "succeeded")
    let id = try daemon.submit(
      "convert", name: "student", ["model": .string(teacher), "block_hadamard": true])
    let converted = try daemon.finished(id)
    #expect(converted["state"]?.stringValue == "succeeded", "\(converted.text)")
    #expect(converted["result"]?["perplexity"]?["ternary"] == .null)

    guard case .object(var training) = tinyTeacher else { return }
    training["method"] = "direct"
    training["model"] = ["init_from": .string(id)]
    training["tokenizer"] = nil
    training["quantization_ramp"] = ["steps": 2]
    for (asked, expected) in [(nil, true), (false, false)] as [(JSONValue?, JSONValue)] {
      training["hadamard"] = asked
      let student = try daemon.finished(daemon.submit("train", name: "s", .object(training)))
      #expect(student["state"]?.stringValue == "succeeded", "\(student.text)")
      let model = try #require(student["result"]?["model"]?.stringValue)
      let record = try daemon.get("/v1/models/\(model)").json
      #expect(record["config"]?["block_hadamard"] == expected, "\(record.text)")
    }
  }
}
