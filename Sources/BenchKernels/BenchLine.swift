import Foundation

/// One line of every benchmark's output (docs/http-api.md); null where a value does not apply.
struct BenchLine: Encodable {
  let name: String
  let threads: Int
  let ours: Double
  let unit: String
  var peer: (name: String, value: Double)?
  var limit: Double?

  private enum CodingKeys: String, CodingKey {
    case bench, threads, ours, peer, unit, ratio, runs, limit
    case name = "case"
    case peerName = "peer_name"
    case peakRSSRatio = "peak_rss_ratio"
    case shareOfLimit = "share_of_limit"
  }

  func encode(to encoder: any Encoder) throws {
    // By hand, because what is synthesised leaves out nil instead of writing null.
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode("kernels", forKey: .bench)
    try container.encode(name, forKey: .name)
    try container.encode(threads, forKey: .threads)
    try container.encode(ours, forKey: .ours)
    try container.encode(unit, forKey: .unit)
    try container.encode(peer?.value, forKey: .peer)
    try container.encode(peer?.name, forKey: .peerName)
    try container.encode(peer.map { ours / $0.value }, forKey: .ratio)
    try container.encode(1, forKey: .runs)
    try container.encodeNil(forKey: .peakRSSRatio)
    try container.encode(limit, forKey: .limit)
    try container.encode(limit.map { ours / $0 }, forKey: .shareOfLimit)
  }

  func write() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    var line = try encoder.encode(self)
    line.append(UInt8(ascii: "\n"))
    try FileHandle.standardOutput.write(contentsOf: line)
  }
}
