import Foundation
import Jobs
import Parquet
import Testing
import Tokenization

/// Traces that other programs wrote, taken over by the daemon, looked at, and learned from.
struct TraceImportTests {
  /// What all these traces say: Tests/Fixtures/traces/make.py.
  private static let tokens: [Int32] = [10, 20, 30, 40, 50, 60]
  /// Of every position but the first, by falling probability.
  private static let candidates: [[(id: Int32, logprob: Float)]] = tokens.dropFirst().map {
    [($0, log(0.6)), ($0 + 1, log(0.3)), ($0 + 7, log(0.05))]
  }

  private static func writeTokenizer(to file: URL) throws {
    try BytePairTrainer(vocabularySize: 290, specialTokens: ["<|endoftext|>"])
      .train(["call the weather tool, then call the calendar tool, then answer"])
      .json.write(to: file)
  }

  private func write(
    _ columns: [(ParquetColumn, ParquetValues)], to file: URL
  ) throws {
    var bytes = Data()
    let writer = try ParquetWriter(columns: columns.map(\.0)) { bytes.append(contentsOf: $0) }
    try writer.write(columns.map(\.1))
    try writer.finish(metadata: [:])
    try bytes.write(to: file)
  }

  /// A row a position; the tokens are the first candidates.
  private func writePublished(in folder: URL) throws {
    let rows = Self.candidates
    let ends = (0...rows.count).map { Int32(3 * $0) }
    try write(
      [
        (ParquetColumn("position", .int32), .int32((0..<Int32(rows.count)).map(\.self))),
        (
          ParquetColumn("topk_tokens", .int32List),
          .int32List(rows.joined().map(\.id), offsets: ends)
        ),
        (
          ParquetColumn("topk_logprobs", .float32List),
          .float32List(rows.joined().map(\.logprob), offsets: ends)
        ),
        (ParquetColumn("other_logprob", .float32), .float32(rows.map { _ in log(0.05) })),
      ], to: folder.appendingPathComponent("part.parquet"))
  }

  private func take(_ name: String, to folder: URL) throws {
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/traces")
    try FileManager.default.copyItem(
      at: fixtures.appending(path: name), to: folder.appending(path: name))
  }

  private func writeDistillKit(in folder: URL) throws {
    try take("distillkit.parquet", to: folder)
    try "d: 290\nk: 3\nexact_k: 3\nexact_dtype: float32\ndelta_encoding: false\n".write(
      to: folder.appending(path: "compression_config.yaml"), atomically: true, encoding: .utf8)
  }

  private func writeAxolotl(in folder: URL) throws { try take("axolotl.parquet", to: folder) }

  @Test func `every layout that is known is imported, shown row by row, and learned from`() throws {
    let folder = try TemporaryFolder()
    let tokenizer = folder.url.appendingPathComponent("tokenizer.json")
    try Self.writeTokenizer(to: tokenizer)
    let daemon = try DaemonProcess(data: folder.data)
    let layouts: [(name: String, hasContext: Bool, write: (URL) throws -> Void)] = [
      ("published", false, writePublished), ("distillkit", true, writeDistillKit),
      ("axolotl", true, writeAxolotl),
    ]
    for (name, hasContext, write) in layouts {
      let source = folder.url.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: source, withIntermediateDirectories: false)
      try write(source)
      let reply = try daemon.post(
        "/v1/traces/import",
        ["path": .string(source.path), "tokenizer": .string(tokenizer.path), "teacher": "abroad"])
      try #require(reply.status == 201, "\(name): \(reply.json.text)")
      let id = try #require(reply.json["id"]?.stringValue)
      #expect(reply.json["metadata"]?["teacher_fingerprint"]?.stringValue == "imported:\(name)")

      let rows = try #require(
        daemon.get("/v1/traces/\(id)/rows?limit=100").json["data"]?.arrayValue)
      let scored = rows.dropFirst(hasContext ? 1 : 0)
      try #require(scored.count == Self.candidates.count, "\(name): \(rows.count) rows")
      if hasContext { #expect(rows[0]["loss_mask"]?.boolValue == false) }
      for (row, expected) in zip(scored, Self.candidates) {
        let found = row["top_k"]?.arrayValue ?? []
        #expect(
          found.compactMap { $0["token_id"]?.intValue.map { Int32($0) } } == expected.map(\.id))
        for (entry, candidate) in zip(found, expected) {
          #expect(abs((entry["logprob"]?.doubleValue ?? 1) - Double(candidate.logprob)) < 1e-6)
        }
        #expect(row["token_id"]?.intValue == Int64(expected[0].id))
        #expect(abs((row["other_logprob"]?.doubleValue ?? 1) - log(0.05)) < 1e-4)
      }

      let training = try daemon.submit(
        "train", name: name,
        [
          "method": "distill", "traces": .string(id), "batch_size": 1, "sequence_length": 32,
          "steps": 2,
          "model": [
            "preset": "demo", "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1,
            "num_attention_heads": 2,
          ],
        ])
      let job = try daemon.finished(training)
      #expect(job["state"]?.stringValue == "succeeded", "\(name): \(job.text)")
    }
    #expect(daemon.terminate() == 0)
  }

  @Test func `what is no trace is refused with what was looked for, and leaves nothing`() throws {
    let folder = try TemporaryFolder()
    let tokenizer = folder.url.appendingPathComponent("tokenizer.json")
    try Self.writeTokenizer(to: tokenizer)
    let source = folder.url.appendingPathComponent("other")
    try FileManager.default.createDirectory(at: source, withIntermediateDirectories: false)
    try write(
      [(ParquetColumn("x", .int32), .int32([1]))], to: source.appendingPathComponent("a.parquet"))
    let daemon = try DaemonProcess(data: folder.data)
    let reply = try daemon.post(
      "/v1/traces/import",
      ["path": .string(source.path), "tokenizer": .string(tokenizer.path)])
    #expect((400..<500).contains(reply.status))
    #expect(reply.json["detail"]?.stringValue?.contains("published, distillkit, axolotl") == true)
    #expect(try daemon.get("/v1/traces").json["data"]?.arrayValue?.isEmpty == true)
    #expect(daemon.terminate() == 0)
  }
}
