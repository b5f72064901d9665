import Foundation
import Jobs
import Testing

struct PipelineTests {
  @Test func `a pipeline runs all kinds and sums them up`() throws {
    let folder = try TemporaryFolder()
    let daemon = try DaemonProcess(data: folder.data)
    let shape: JSONValue = [
      "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
      "num_attention_heads": 2,
    ]
    let reply = try daemon.post(
      "/v1/pipelines",
      [
        "name": "small", "corpus": ["generator": "tool_calls", "count": 200],
        "tokenizer": ["train": ["vocab_size": 300]],
        "teacher": ["model": shape, "steps": 20, "batch_size": 4, "sequence_length": 160],
        "baseline": ["limit": 4, "max_tokens": 16],
        "collect": ["top_k": 8, "sequence_length": 160],
        "student": [
          "model": shape, "steps": 20, "batch_size": 4, "sequence_length": 160,
          "flip": ["enabled": true],
        ],
        "eval": ["max_examples": 6, "generate_max_tokens": 24],
        "dryrun": [
          "config": [
            "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 2, "vocab_size": 500,
          ], "sequence_length": 16, "decode_tokens": 4,
        ],
      ])
    #expect(reply.status == 201, "\(reply.json.text)")
    let jobs = reply.json["jobs"]?.objectValue ?? [:]
    #expect(jobs.count == 7)
    for (role, id) in jobs {
      let job = try daemon.finished(try #require(id.stringValue))
      #expect(job["state"]?.stringValue == "succeeded", "\(role): \(job.text)")
    }
    let file = folder.data.appendingPathComponent("pipeline_summary.json")
    let summary = try JSONValue(parsing: Array(Data(contentsOf: file)))
    #expect(summary["state"]?.stringValue == "succeeded")
    for model in ["teacher", "direct_a8", "distilled_a8", "distilled_a4"] {
      #expect(summary["scores"]?[model]?["cross_entropy"]?.doubleValue != nil, "\(model)")
      #expect(summary["scores"]?[model]?["exact_match"]?.doubleValue != nil, "\(model)")
    }
    #expect(summary["qei"]?["quality_metric"] != nil)
    #expect((summary["dryrun"]?["peak_rss_bytes"]?.intValue ?? 0) > 0)
    for name in [
      "teacher_baseline.json", "data/kd_shard_000.parquet", "mini_evaluation_report.json",
      "dryrun_report.json", "report.html", "checkpoints",
    ] {
      let path = folder.data.appendingPathComponent(name).path
      #expect(FileManager.default.fileExists(atPath: path), "\(name)")
    }
    let student = try #require(jobs["distill"]?.stringValue)
    let profile = try daemon.get("/v1/jobs/\(student)/health").json["profile"]
    let product = profile?["operations"]?.arrayValue?.first { $0["operation"] == "qkv" }
    #expect(product?["limit"] == "int8")
    #expect((product?["share_of_peak"]?.doubleValue ?? 0) > 0, "\(profile?.text ?? "no profile")")
    let series = try daemon.get("/v1/jobs/\(student)/metrics").json["series"]
    for name in ["loss", "data_wait_s", "product_share", "checkpoint_s"] {
      #expect(series?[name]?["value"]?.arrayValue?.isEmpty == false, "\(name)")
    }
    let traces = try daemon.get("/v1/traces").json["data"]?.arrayValue ?? []
    let trace = try #require(traces.first?["id"]?.stringValue)
    let rows = try daemon.get("/v1/traces/\(trace)/rows?sequence=0&from=0&limit=5")
    #expect(rows.status == 200)
    #expect(rows.json["data"]?.arrayValue?.count == 5)
    #expect(daemon.terminate() == 0)
  }
}
