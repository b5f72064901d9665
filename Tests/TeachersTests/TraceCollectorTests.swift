import Checkpoints
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Teachers
@testable import Traces

struct TraceCollectorTests {
  private let tiny = TinyTeacher()
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func collector(
    _ change: (inout TraceCollector.Options) -> Void = { _ in }
  ) throws
    -> TraceCollector
  {
    var options = TraceCollector.Options()
    options.choice = .top(5)
    options.rowsPerShard = 100
    options.tokensPerRound = 60
    change(&options)
    return TraceCollector(teacher: try tiny.teacher(), options: options)
  }

  private func files() throws -> [String: Data] {
    try folder.names.reduce(into: [:]) { $0[$1] = try Data(contentsOf: folder[$1]) }
  }

  @Test func `every text is stored, with progress that rises to one`() throws {
    let texts = tiny.texts(count: 30)
    var fractions: [Double] = []
    var shards: [TraceShardSummary] = []
    let end = try collector().collect(
      texts, into: folder.url, metadata: TinyTeacher.metadata,
      progress: { fractions.append($0.fraction) }, onShard: { shards.append($0) })
    #expect(end == .complete)
    #expect(fractions == fractions.sorted() && fractions.last == 1)
    let trace = try TraceSet(folder: folder.url)
    #expect(trace.count == 30)
    #expect(trace.rowCount == texts.reduce(0) { $0 + $1.tokens.count })
    #expect(shards.reduce(0) { $0 + $1.rowCount } == trace.rowCount)
    #expect(trace.metadata.topK == 5)
    #expect(trace.metadata.corpusSHA256 == UnscoredSequence.fingerprint(of: texts))
    let report = try QualityReport(reading: trace)
    #expect(report.passesGate && report.invalidRows == 0)
    #expect(report.rowsWithoutSignal == 30)
  }

  @Test func `a stopped run loses nothing, and the next one ends with the same sequences`() throws {
    let texts = tiny.texts(count: 30)
    var asked = 0
    let end = try collector().collect(
      texts, into: folder.url, metadata: TinyTeacher.metadata,
      shouldStop: {
        asked += 1
        return asked > 4
      })
    #expect(end == .stopped)
    let stored = try TraceSet(folder: folder.url)
    #expect(stored.count > 0 && stored.count < 30)

    var first: CollectionProgress?
    var announced = 0
    let again = try collector().collect(
      texts, into: folder.url, metadata: TinyTeacher.metadata,
      progress: { first = first ?? $0 }, onShard: { announced += $0.rowCount })
    #expect(again == .complete)
    #expect(announced == texts.reduce(0) { $0 + $1.tokens.count })
    #expect((first?.tokens ?? 0) > stored.rowCount)
    let other = try TemporaryFolder()
    _ = try collector().collect(texts, into: other.url, metadata: TinyTeacher.metadata)
    let whole = try TraceSet(folder: other.url)
    let resumed = try TraceSet(folder: folder.url)
    #expect(resumed.count == 30)
    for index in 0..<30 {
      #expect(try resumed.sequence(at: index) == whole.sequence(at: index))
    }
  }

  @Test func `a crash at any file operation loses the open shard only`() throws {
    let texts = tiny.texts(count: 12)
    let reference = try TemporaryFolder()
    _ = try collector().collect(texts, into: reference.url, metadata: TinyTeacher.metadata)
    let whole = try TraceSet(folder: reference.url)
    for failing in stride(from: 0, to: 200, by: 17) {
      let counter = Counter()
      try? FileFailpoint.$check.withValue({ _, _ in
        counter.next() == failing ? .shortWrite(EIO) : nil
      }) {
        _ = try collector().collect(texts, into: folder.url, metadata: TinyTeacher.metadata)
      }
      let end = try collector().collect(
        texts, into: folder.url, metadata: TinyTeacher.metadata)
      #expect(end == .complete)
      let trace = try TraceSet(folder: folder.url)
      #expect(trace.ids == whole.ids, "operation \(failing)")
      for index in 0..<trace.count {
        #expect(try trace.sequence(at: index) == whole.sequence(at: index))
      }
      for name in try folder.names { try FileManager.default.removeItem(at: folder[name]) }
    }
  }

  @Test func `the token budget holds over all runs together`() throws {
    let texts = tiny.texts(count: 30)
    for budget in [0, 50, 120] {
      var last: CollectionProgress?
      let end = try collector { $0.tokenBudget = budget }.collect(
        texts, into: folder.url, metadata: TinyTeacher.metadata, progress: { last = $0 })
      #expect(end == .budgetSpent)
      guard budget > 0 else { continue }
      let trace = try TraceSet(folder: folder.url)
      #expect(trace.rowCount <= budget && trace.rowCount > budget - 20)
      #expect(last?.tokenTotal == budget)
    }
  }

  @Test func `an old shard is closed although it is small`() throws {
    var clock = 0.0
    var options = TraceCollector.Options()
    options.choice = .top(5)
    options.tokensPerRound = 30
    let collector = TraceCollector(
      teacher: try tiny.teacher(), options: options,
      now: {
        clock += 200
        return clock
      })
    var shards = 0
    _ = try collector.collect(
      tiny.texts(count: 10), into: folder.url, metadata: TinyTeacher.metadata,
      onShard: { _ in shards += 1 })
    #expect(shards > 2)
    #expect(try TraceSet(folder: folder.url).count == 10)
  }

  @Test func `a finished collection is left as it is, and other texts are refused`() throws {
    let texts = tiny.texts(count: 10)
    _ = try collector().collect(texts, into: folder.url, metadata: TinyTeacher.metadata)
    let before = try files()
    let end = try collector().collect(texts, into: folder.url, metadata: TinyTeacher.metadata)
    #expect(end == .complete)
    #expect(try files() == before)
    #expect(throws: TraceError.self) {
      try collector().collect(
        tiny.texts(count: 10, seed: 9), into: folder.url, metadata: TinyTeacher.metadata)
    }
  }

  @Test func `texts without tokens are passed over`() throws {
    let texts = [
      UnscoredSequence(id: 0, tokens: []), UnscoredSequence(id: 4, tokens: [1, 2]),
      UnscoredSequence(id: 5, tokens: []), UnscoredSequence(id: 9, tokens: [3]),
    ]
    _ = try collector().collect(texts, into: folder.url, metadata: TinyTeacher.metadata)
    #expect(try TraceSet(folder: folder.url).ids == [4, 9])
  }
}
