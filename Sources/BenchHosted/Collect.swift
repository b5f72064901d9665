internal import ArgumentParser
internal import Foundation
internal import HostedTeachers
internal import Synchronization
internal import Traces

/// One collection into a folder, which goes on where an earlier one was killed.
struct Collect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Collect answers; prints one JSON object with what was done and how fast.")

  @Argument(help: "The teacher's address, up to /v1.")
  var url: String

  @Argument(help: "Where captures and journal lie.")
  var folder: String

  @Option(help: "How many prompts.")
  var prompts = 10_000

  @Option(help: "Requests in flight at most.")
  var concurrency = 64

  @Option(help: "Candidates of a token.")
  var topK = 20

  @Option(help: "Prompts a shard.")
  var promptsPerShard = 512

  @Option(help: "Seconds until a reply counts as lost.")
  var timeout = 5.0

  func run() throws {
    let texts = (0..<prompts).map { "Question number \($0), please." }
    let endpoint = try HostedEndpoint(provider: .custom, model: "loopback", baseURL: url)
    var options = HostedCollectionOptions()
    options.question.topK = topK
    options.concurrencyMax = concurrency
    options.promptsPerShard = promptsPerShard
    options.requestSecondsMax = timeout
    let captures = URL(fileURLWithPath: folder, isDirectory: true)
    try FileManager.default.createDirectory(at: captures, withIntermediateDirectories: true)
    let corpus = HostedCollector.fingerprint(texts, options.question, endpoint)
    let writer = try CaptureShardWriter(
      folder: captures,
      metadata: CaptureMetadata(
        provider: "custom", baseURL: url, model: "loopback", teacherFingerprint: "",
        terms: "allowed",
        capabilities: "{}", samplingTemperature: 1, maxTokens: options.question.maxTokens,
        topK: topK, seed: 1, corpusSHA256: corpus))
    let journal = try RequestJournal(folder: captures, corpus: corpus)
    let bytes = Mutex(0)
    let collector = HostedCollector(
      texts, of: endpoint, key: nil, options: options, journal: journal,
      shards: Set(try CaptureReader.shardNumbers(in: captures)), corpusSHA256: corpus
    ) { shard, captures in
      let written = try writer.write(captures, shard: shard).bytes
      bytes.withLock { $0 += written }
    }
    let before = collector.progress.stored
    let start = Date()
    var memory: [Int] = []
    var nextSample = 0.1
    let end = try collector.run(progress: { progress in
      guard progress.fraction >= nextSample else { return }
      memory.append(Self.residentBytes)
      nextSample += 0.1
    })
    let progress = collector.progress
    let seconds = Date().timeIntervalSince(start)
    let rate = Double(progress.stored - before) / seconds
    print(
      #"{"end":"\#(end.rawValue)","stored":\#(progress.stored),"given_up":\#(progress.poisoned),"#
        + #""requests":\#(progress.spend.requests),"faults":\#(progress.faults),"#
        + #""unanswered":\#(journal.past.unanswered.count),"already":\#(before),"#
        + #""seconds":\#(seconds),"cpu_seconds":\#(Self.cpuSeconds),"per_second":\#(rate),"shard_bytes":\#(bytes.withLock { $0 }),"#
        + #""resident_bytes":\#(memory)}"#)
  }

  /// Of all threads of this process, so far.
  private static var cpuSeconds: Double {
    var usage = rusage()
    guard getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    return [usage.ru_utime, usage.ru_stime].reduce(0) {
      $0 + Double($1.tv_sec) + 1e-6 * Double($1.tv_usec)
    }
  }

  /// Of this process, now.
  private static var residentBytes: Int {
    let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
  }
}
