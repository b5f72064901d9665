import Foundation
import Jobs
import TestSupport
import Testing

/// A student whose tokens are not its teacher's, through the daemon as a user would have it.
struct ProjectionTests {
  @Test func `a student of its own tokenizer learns from another's traces, and is judged on them`()
    throws
  {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let shape: JSONValue = [
      "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
      "num_attention_heads": 2,
    ]
    let corpus: JSONValue = ["generator": "tool_calls", "count": 60]
    func succeeded(_ kind: String, _ spec: JSONValue) throws -> (id: String, result: JSONValue) {
      let id = try daemon.submit(kind, name: kind, spec)
      let job = try daemon.finished(id)
      try #require(job["state"]?.stringValue == "succeeded", "\(kind): \(job.text)")
      return (id, job["result"] ?? [:])
    }
    let teacher = try succeeded(
      "train",
      [
        "method": "pretrain", "model": shape, "corpus": corpus, "sequence_length": 160,
        "tokenizer": ["train": ["vocab_size": 400]], "batch_size": 2, "steps": 5,
      ])
    let traces = try succeeded(
      "collect",
      [
        "teacher": ["model": .string(teacher.id)], "corpus": corpus, "top_k": 8,
        "tokenizer": ["train": ["vocab_size": 300]], "sequence_length": 256,
      ])
    let report = try daemon.get("/v1/jobs/\(traces.id)/artifacts/quality_report.json").json
    #expect(report["passes_gate"]?.boolValue == true, "\(report.text)")
    #expect(report["projection"]?.objectValue?.isEmpty == false)
    let student = try succeeded(
      "train",
      [
        "method": "distill", "model": shape, "traces": .string(traces.id), "batch_size": 2,
        "sequence_length": 256, "steps": 5,
      ])
    let judged = try succeeded(
      "eval",
      [
        "models": ["student": .string(student.id)], "traces": .string(traces.id),
        "max_examples": 5,
      ])
    let scores = judged.result["models"]?["distilled_a8"]?["held_out"]
    #expect((scores?["kl_to_teacher"]?.doubleValue ?? -1) >= 0, "\(judged.result.text)")
    #expect(daemon.terminate() == 0)
  }
}
