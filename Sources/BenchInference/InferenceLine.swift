import Foundation

/// One line of output; what is about a peer is null and filled in by bench/inference.sh.
struct InferenceLine: Encodable {
  private let benchCase: String
  private let threads: Int
  /// Median of the runs.
  private let ours: Double
  private let runs: Int
  private let limit: Double?

  private enum CodingKeys: String, CodingKey {
    case bench, threads, ours, peer, unit, ratio, runs, limit
    case benchCase = "case"
    case peerName = "peer_name"
    case peakRSSRatio = "peak_rss_ratio"
    case shareOfLimit = "share_of_limit"
  }

  init(benchCase: String, threads: Int, rates: [Double], limit: Double?) {
    self.benchCase = benchCase
    self.threads = threads
    let sorted = rates.sorted()
    ours = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    runs = rates.count
    self.limit = limit
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("inference", forKey: .bench)
    try container.encode(benchCase, forKey: .benchCase)
    try container.encode(threads, forKey: .threads)
    try container.encode(ours, forKey: .ours)
    try container.encodeNil(forKey: .peer)
    try container.encodeNil(forKey: .peerName)
    try container.encode("tokens/s", forKey: .unit)
    try container.encodeNil(forKey: .ratio)
    try container.encode(runs, forKey: .runs)
    try container.encodeNil(forKey: .peakRSSRatio)
    try container.encode(limit, forKey: .limit)
    try container.encode(limit.map { ours / $0 }, forKey: .shareOfLimit)
  }

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = .withoutEscapingSlashes
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
