import Foundation

/// One line of every benchmark's output; null where a value does not apply.
struct BenchLine: Encodable {
  private let bench = "training"
  private let benchCase: String
  private let threads: Int
  private let ours: Double
  private let peer: Double?
  private let peerName: String?
  private let unit = "tokens/s"
  private let ratio: Double?
  private let runs: Int
  private let peakRSSRatio: Double?
  private let limit: Double
  private let shareOfLimit: Double

  private enum CodingKeys: String, CodingKey {
    case bench, threads, ours, peer, unit, ratio, runs, limit
    case benchCase = "case"
    case peerName = "peer_name"
    case peakRSSRatio = "peak_rss_ratio"
    case shareOfLimit = "share_of_limit"
  }

  init(_ benchCase: BenchCase, threads: Int, ours: StepMeasurement, peer: PeerMeasurement?) {
    self.benchCase = benchCase.rawValue + "-step"
    self.threads = threads
    self.ours = ours.tokensPerSecond
    self.peer = peer?.tokensPerSecond
    peerName = peer?.name
    ratio = peer.map { ours.tokensPerSecond / $0.tokensPerSecond }
    runs = ours.runs
    peakRSSRatio = peer.flatMap { peer in
      ours.peakResidentBytes.map { Double($0) / Double(peer.peakResidentBytes) }
    }
    limit = benchCase.tokensPerSecondLimit(threads: threads)
    shareOfLimit = ours.tokensPerSecond / limit
  }

  func encode(to encoder: any Encoder) throws {
    // By hand, because what is synthesised leaves out nil instead of writing null.
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(bench, forKey: .bench)
    try container.encode(benchCase, forKey: .benchCase)
    try container.encode(threads, forKey: .threads)
    try container.encode(ours, forKey: .ours)
    try container.encode(peer, forKey: .peer)
    try container.encode(peerName, forKey: .peerName)
    try container.encode(unit, forKey: .unit)
    try container.encode(ratio, forKey: .ratio)
    try container.encode(runs, forKey: .runs)
    try container.encode(peakRSSRatio, forKey: .peakRSSRatio)
    try container.encode(limit, forKey: .limit)
    try container.encode(shareOfLimit, forKey: .shareOfLimit)
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
