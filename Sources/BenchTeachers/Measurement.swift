import Foundation

/// One measurement, as a line of JSON that bench/teachers.sh puts beside the peer's.
struct Measurement: Encodable {
  let name: String
  let threads: Int
  /// Of whatever `unit` says, the higher the better.
  let perSecond: Double
  let unit: String
  let samples: Int
  var bytesPerRow: Double?
  var peakRSSBytes: Int?
  var weightBytes: Int?

  enum CodingKeys: String, CodingKey {
    case name, threads, unit, samples
    case perSecond = "per_second"
    case bytesPerRow = "bytes_per_row"
    case peakRSSBytes = "peak_rss_bytes"
    case weightBytes = "weight_bytes"
  }

  func printLine() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(self), as: UTF8.self))
  }

  /// The median of `samples` runs of `body`, after one that warms up, as `count` a second.
  static func rate(of count: Int, samples: Int, _ body: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    try body()
    let seconds = try (0..<samples).map { _ in try clock.measure(body) / .seconds(1) }.sorted()
    return Double(count) / seconds[seconds.count / 2]
  }

  /// The most memory that the process had in use; nil where the system does not say.
  static var peakResidentBytes: Int? {
    guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
      let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
      let kibibytes = line.split(separator: " ").compactMap({ Int($0) }).first
    else { return nil }
    return kibibytes * 1024
  }
}
