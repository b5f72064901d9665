import ArgumentParser
import Distillation
import Foundation
import Kernels

/// Turns collected measurements into the lines that all benchmarks print and Markdown tables.
struct TableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "table", abstract: "Sum up measurements: JSON lines, then Markdown.")

  @Argument(help: "Files of lines that `step` and `peer` printed.")
  var files: [String]

  func run() throws {
    let measurements = try files.flatMap { try Measurement.read($0) }
    var summaries: [CaseSummary] = []
    for benchCase in BenchCase.allCases {
      for threads in Set(measurements.map(\.threads)).sorted() {
        let these = measurements.filter {
          $0.benchCase == benchCase.rawValue && $0.threads == threads
        }
        if let summary = CaseSummary(benchCase, threads: threads, of: these) {
          summaries.append(summary)
        }
      }
    }
    for summary in summaries { print(try summary.line.json) }
    let table = MarkdownTables(summaries)
    print("\n" + table.steps + "\n\n" + table.limits)
    for summary in summaries { print("\n" + table.operations(of: summary)) }
  }
}

/// One shape on one number of threads: medians over all runs.
struct CaseSummary {
  let benchCase: BenchCase
  let threads: Int
  let ours: Side
  /// By mode, those that were measured.
  let peers: [PeerMode: Side]
  /// The profile of our run in the middle.
  let profile: RunProfile?
  /// The highest peaks of all runs: a neighbour can only take away.
  let peaks: LimitRates?

  struct Side {
    let name: String
    let tokensPerSecond: Double
    let residentBytes: Double
    let runs: Int

    /// Nil without a measurement.
    init?(_ measurements: [Measurement]) {
      guard let first = measurements.first else { return nil }
      name = first.name
      tokensPerSecond = median(measurements.map(\.tokensPerSecond))
      residentBytes = median(measurements.map { Double($0.peakResidentBytes) })
      runs = measurements.count
    }
  }

  /// Nil when ours was not measured.
  init?(_ benchCase: BenchCase, threads: Int, of measurements: [Measurement]) {
    let own = measurements.filter { $0.side == Measurement.ours }
      .sorted { $0.tokensPerSecond < $1.tokensPerSecond }
    guard let ours = Side(own) else { return nil }
    self.benchCase = benchCase
    self.threads = threads
    self.ours = ours
    peers = Dictionary(
      uniqueKeysWithValues: PeerMode.allCases.compactMap { mode in
        Side(measurements.filter { $0.side == mode.rawValue }).map { (mode, $0) }
      })
    profile = own[own.count / 2].profile
    let peaks = own.compactMap(\.peaks)
    if let int8 = peaks.map(\.int8PerSecond).max(),
      let floats = peaks.map({ max($0.bf16PerSecond, $0.int16PerSecond, $0.fp32PerSecond) }).max(),
      let bytes = peaks.map(\.updateBytesPerSecond).max()
    {
      self.peaks = LimitRates(int8: int8, floats: floats, bytes: bytes)
    } else {
      self.peaks = nil
    }
  }

  /// The fastest peer.
  var best: Side? { peers.values.max { $0.tokensPerSecond < $1.tokensPerSecond } }
  /// The memory of the peer that needs the least.
  var leanestBytes: Double? { peers.values.map(\.residentBytes).min() }
  /// As issue 3 computes it.
  var limit: Double { benchCase.tokensPerSecondLimit(.reference(threads: threads)) }
  /// The same with the peaks of this machine.
  var measuredLimit: Double? { peaks.map { benchCase.tokensPerSecondLimit($0) } }

  var line: BenchLine {
    BenchLine(
      benchCase: benchCase.rawValue + "-step", threads: threads, ours: ours.tokensPerSecond,
      peer: best?.tokensPerSecond, peerName: best?.name,
      ratio: best.map { ours.tokensPerSecond / $0.tokensPerSecond }, runs: ours.runs,
      peakRSSRatio: leanestBytes.map { ours.residentBytes / $0 }, limit: limit,
      shareOfLimit: ours.tokensPerSecond / limit)
  }
}
