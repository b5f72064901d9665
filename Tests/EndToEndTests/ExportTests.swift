import Foundation
import Jobs
import Testing

/// A few steps of a ternary student with SubLN and a tied head, whose rows are multiples of 32.
private let tinyTraining: JSONValue = [
  "method": "direct",
  "model": [
    "preset": "demo", "hidden_size": 32, "intermediate_size": 256, "num_hidden_layers": 1,
    "num_attention_heads": 2,
  ],
  "corpus": ["generator": "tool_calls", "count": 40, "seed": 3],
  "tokenizer": ["train": ["vocab_size": 300]], "sequence_length": 160, "batch_size": 4,
  "steps": 2, "precision": "fp32", "seed": 11,
]

struct ExportTests {
  @Test func `a student goes out as GGUF and comes back, and out as a Hugging Face folder`() throws
  {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let student = try daemon.submit("train", name: "student", tinyTraining)
    #expect(try daemon.finished(student)["state"]?.stringValue == "succeeded")

    let gguf = try daemon.finished(
      daemon.submit("export", name: "gguf", ["model": .string(student), "format": "gguf"]))
    #expect(gguf["state"]?.stringValue == "succeeded", "\(gguf.text)")
    #expect(gguf["result"]?["architecture"]?.stringValue == "bitnet")
    // Rows of 32 have no TQ2_0, those of 256 have.
    #expect(gguf["result"]?["tensors"]?["TQ2_0"]?.intValue == 1)
    #expect(gguf["result"]?["tensors"]?["Q4_0"]?.intValue == 6)
    #expect(gguf["result"]?["notes"]?.arrayValue?.count == 2)
    let path = try #require(gguf["result"]?["path"]?.stringValue)

    let imported = try daemon.post("/v1/models/import", ["path": .string(path), "name": "again"])
    #expect(imported.status == 201, "\(imported.json.text)")
    let model = try #require(imported.json["id"]?.stringValue)
    #expect(imported.json["config"]?["quantization"]?.stringValue == "ternary")
    let packed = try daemon.finished(
      daemon.submit(
        "export", name: "packed",
        ["model": .string(model), "format": "huggingface", "weights": "packed"]))
    #expect(packed["state"]?.stringValue == "succeeded", "\(packed.text)")
    #expect(packed["result"]?["model_type"]?.stringValue == "bitnet")
  }

  @Test func `what a format cannot hold is refused when the model is known`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let student = try daemon.submit("train", name: "student", tinyTraining)
    #expect(try daemon.finished(student)["state"]?.stringValue == "succeeded")
    let reply = try daemon.post(
      "/v1/jobs",
      [
        "kind": "export",
        "spec": ["model": .string(student), "format": "gguf", "weights": "f16"],
      ])
    #expect(reply.status == 422)
    #expect(reply.json.text.contains("ternary projections as f16"), "\(reply.json.text)")
  }
}
