import Foundation
import HostedTeachers
import Synchronization
import TestSupport
import Traces

/// Everything around a collector: a folder, shards in memory, and a clock that runs only while nothing
/// is in flight but requests that hang, so that a slow machine takes no reply for a lost one.
final class CollectionRun {
  let folder: TemporaryFolder
  let stub: TeacherStub
  var options = HostedCollectionOptions()
  var provider = HostedProvider.custom
  var key: String? = nil
  private let written = WrittenShards()
  private(set) var progress: [HostedProgress] = []
  private(set) var seconds = 0.0
  var shouldStop: (HostedProgress) -> Bool = { _ in false }

  init(_ stub: TeacherStub) throws {
    self.stub = stub
    folder = try TemporaryFolder()
    options.question.topK = 2
    options.promptsPerShard = 16
    options.requestSecondsMax = 10
    options.outageSecondsMax = 60
    options.concurrencyMax = 32
  }

  var shards: [Int: [Capture]] { written.shards.withLock { $0 } }

  func endpoint() throws -> HostedEndpoint {
    try HostedEndpoint(
      provider: provider, model: "stub", baseURL: stub.url,
      keyVariable: key == nil ? nil : "STUB_API_KEY")
  }

  /// One run of the collection; what earlier ones left is in the folder.
  func collect(_ prompts: [String]) throws -> HostedCollectionEnd {
    let endpoint = try endpoint()
    let corpus = HostedCollector.fingerprint(prompts, options.question, endpoint)
    let stub = stub
    let written = written
    var clock = CollectionClock(now: { self.seconds }, secondsSince1970: { self.seconds })
    clock.patience = 0.002
    var inFlight: () -> Int = { 0 }
    clock.waited = { seconds in
      if inFlight() <= stub.hangingCount { self.seconds += seconds }
    }
    var random = SplitMix64(seed: 7)
    let collector = HostedCollector(
      prompts, of: endpoint, key: key, options: options,
      journal: try RequestJournal(folder: folder.url, corpus: corpus), shards: Set(shards.keys),
      corpusSHA256: corpus, clock: clock, draw: { Double.random(in: 0...1, using: &random) }
    ) { shard, captures in
      let earlier = written.shards.withLock { $0.updateValue(captures, forKey: shard) }
      precondition(earlier == nil, "written twice")
    }
    inFlight = { [unowned collector] in collector.progress.inFlight }
    defer { progress.append(collector.progress) }
    return try collector.run(shouldStop: { self.shouldStop(collector.progress) })
  }

  /// Collects again and again until the collection is complete.
  func collectToTheEnd(_ prompts: [String]) throws -> Int {
    var runs = 1
    while true {
      do {
        if try collect(prompts) == .complete { return runs }
      } catch HostedTeacherError.keyRefused {
        // A user would mend the key and retry the job.
      }
      runs += 1
    }
  }

  /// Why prompts were given up.
  func poison(_ prompts: [String]) throws -> [Int64: String] {
    let corpus = HostedCollector.fingerprint(prompts, options.question, try endpoint())
    return try RequestJournal(folder: folder.url, corpus: corpus).past.poison
  }
}

/// What the collector's other thread writes.
private final class WrittenShards: Sendable {
  let shards = Mutex<[Int: [Capture]]>([:])
}
