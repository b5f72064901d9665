import Foundation

/// One line of every benchmark's output; null where a value does not apply.
struct BenchLine: Encodable {
  var bench = "training"
  let benchCase: String
  let threads: Int
  let ours: Double
  let peer: Double?
  let peerName: String?
  let unit = "tokens/s"
  let ratio: Double?
  let runs: Int
  let peakRSSRatio: Double?
  let limit: Double?
  let shareOfLimit: Double?

  private enum CodingKeys: String, CodingKey {
    case bench, threads, ours, peer, unit, ratio, runs, limit
    case benchCase = "case"
    case peerName = "peer_name"
    case peakRSSRatio = "peak_rss_ratio"
    case shareOfLimit = "share_of_limit"
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
