import Foundation
import TestSupport
import Testing

@testable import Traces

/// Reads shards with pyarrow and DuckDB; runs where `BITNET_PYTHON` names a Python that has both.
struct OtherReadersTests {
  private static let python = ProcessInfo.processInfo.environment["BITNET_PYTHON"]

  private static let script = """
    import sys, json, duckdb, pyarrow.parquet as pq
    table = pq.read_table(sys.argv[1])
    columns = {f.name: str(f.type) for f in table.schema}
    assert columns == {"sequence_id": "int64", "position": "int32", "token_id": "int32",
      "topk_ids": "list<element: int32 not null>", "topk_logprobs":
      "list<element: float not null>", "other_logprob": "float", "loss_mask": "bool",
      "is_struct": "bool"}, columns
    metadata = json.loads(table.schema.metadata[b"bitnet_trace"])
    assert metadata["tokenizer_sha256"] == "bbbb", metadata
    data = table.to_pydict()
    query = f"from read_parquet('{sys.argv[1]}') select count(*), sum(token_id)::bigint,"
    query += " sum(len(topk_ids))::bigint, count(*) filter (where loss_mask),"
    query += " sum(list_sum(topk_ids))::bigint"
    rows = duckdb.sql(query).fetchall()[0]
    print(json.dumps({"ids": data["topk_ids"], "logprobs": data["topk_logprobs"],
      "other": data["other_logprob"], "token": data["token_id"],
      "position": data["position"], "duckdb": rows}))
    """

  private struct Answer: Decodable {
    let ids: [[Int32]]
    let logprobs: [[Float]]
    let other: [Float]
    let token: [Int32]
    let position: [Int32]
    let duckdb: [Int]
  }

  @Test(.enabled(if: python != nil, "BITNET_PYTHON is not set"))
  func `pyarrow and DuckDB read what was written`() throws {
    let folder = try TemporaryFolder()
    let sequences = exampleSequences(count: 30, seed: 7)
    let writer = try TraceShardWriter(folder: folder.url, metadata: .example, rowsPerGroup: 100)
    for sequence in sequences { _ = try writer.append(sequence) }
    _ = try writer.finish()

    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(Self.python))
    process.arguments = ["-c", Self.script, folder["kd_shard_000.parquet"].path]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let answer = try JSONDecoder().decode(Answer.self, from: data)

    var ids: [[Int32]] = []
    var logprobs: [[Float]] = []
    for sequence in sequences {
      for row in 0..<sequence.count {
        let start = row * sequence.topK
        let place = start..<(start + Int(sequence.candidateCounts[row]))
        ids.append(Array(sequence.topKIDs[place]))
        logprobs.append(Array(sequence.topKLogprobs[place]))
      }
    }
    #expect(answer.ids == ids)
    #expect(answer.logprobs == logprobs)
    #expect(answer.other == sequences.flatMap(\.otherLogprob))
    #expect(answer.token == sequences.flatMap(\.tokens))
    #expect(answer.position == sequences.flatMap { 0..<Int32($0.count) })
    let tokens = sequences.flatMap(\.tokens)
    #expect(
      answer.duckdb == [
        tokens.count, tokens.reduce(0) { $0 + Int($1) }, ids.reduce(0) { $0 + $1.count },
        sequences.flatMap(\.lossMask).count { $0 },
        ids.joined().reduce(0) { $0 + Int($1) },
      ])
  }
}
