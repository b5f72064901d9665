import JobStore
import Jobs
import Testing

struct ModelsAndTracesTests {
  let temporary: TemporaryStore
  let job: Job
  var store: JobStore { temporary.store }

  init() throws {
    temporary = try TemporaryStore()
    job = try temporary.running()
  }

  @Test func `a model is found by its name and by its job's`() throws {
    let model = ModelRecord(
      id: .make(at: .now()), name: "mini", path: "models/mini",
      configuration: ["hidden_size": 256], parameterCount: 1000, bytes: 4000, fingerprint: "f",
      createdAt: temporary.clock.now)
    try store.addModel(model)
    #expect(try store.model(reference: model.id.text) == model)
    #expect(throws: StoreError.notFound(job.id.text)) {
      try store.model(reference: job.id.text)
    }
    var made = model
    made.id = .make(at: .now())
    made.jobID = job.id
    _ = try store.record([.model(made)], of: job.id, attempt: 1)
    #expect(try store.model(reference: job.id.text) == made)
    #expect(try store.models(limit: 10) == [made, model])
    #expect(try store.models(after: made.id, limit: 10) == [model])
    try store.deleteModel(model.id)
    #expect(throws: StoreError.notFound(model.id.text)) { try store.deleteModel(model.id) }
  }

  @Test func `a sequence is found in its shard, also after the shard was written anew`() throws {
    var trace = TraceRecord(
      id: .make(at: .now()), jobID: job.id, name: "t", path: "data", metadata: ["top_k": 20],
      createdAt: temporary.clock.now)
    func shard(_ number: Int, sequences: ClosedRange<Int64>) -> TraceShardRecord {
      TraceShardRecord(
        traceID: trace.id, number: number, path: "data/kd_shard_00\(number).parquet", bytes: 100,
        sha256: String(repeating: "b", count: 64),
        sequences: sequences.map {
          TraceSequenceRows(sequence: $0, firstRow: ($0 - sequences.lowerBound) * 7, rowCount: 7)
        }, statistics: ["rows": 7])
    }
    _ = try store.record(
      [
        .trace(trace), .traceShard(shard(0, sequences: 0...9)),
        .traceShard(shard(1, sequences: 10...14)),
      ], of: job.id, attempt: 1)
    _ = try store.record(
      [.traceShard(shard(1, sequences: 10...19))], of: job.id, attempt: 1)
    trace.totals = TraceRecord.Totals(
      shardCount: 2, sequenceCount: 20, rowCount: 140, bytes: 200)
    #expect(try store.trace(reference: job.id.text) == trace)
    #expect(try store.traces(limit: 5) == [trace])
    #expect(
      try store.traceShards(of: trace.id) == [
        shard(0, sequences: 0...9), shard(1, sequences: 10...19),
      ])
    #expect(
      try store.traceLocation(of: trace.id, sequence: 17)
        == TraceLocation(
          shard: 1, path: "data/kd_shard_001.parquet",
          rows: TraceSequenceRows(sequence: 17, firstRow: 49, rowCount: 7)))
    #expect(throws: StoreError.notFound("\(trace.id) sequence 20")) {
      try store.traceLocation(of: trace.id, sequence: 20)
    }
    try store.deleteTrace(trace.id)
    #expect(store.check() == [])
  }
}
