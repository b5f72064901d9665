import Distillation
import Foundation
import Kernels

/// What one process measured: a line of the file that measurements are collected in, so that a long
/// table may be measured in pieces.
struct Measurement: Codable {
  /// The shape.
  let benchCase: String
  let threads: Int
  /// `ours`, or the peer's mode.
  let side: String
  /// Whose step it is, for people.
  let name: String
  /// The median of the timed steps.
  let tokensPerSecond: Double
  let samples: Int
  let peakResidentBytes: Int
  /// Ours only: what the run said it would take, without the program itself.
  var predictedBytes: Int?
  /// Ours only: where the time went, and what the machine could do at that time.
  var profile: RunProfile?
  var peaks: MachinePeaks?

  enum CodingKeys: String, CodingKey {
    case benchCase = "case"
    case threads, side, name, samples, profile, peaks
    case tokensPerSecond = "tokens_per_s"
    case peakResidentBytes = "peak_rss_bytes"
    case predictedBytes = "predicted_bytes"
  }

  static let ours = "ours"

  var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }

  /// The measurements of a file, one JSON object a line.
  static func read(_ path: String) throws -> [Measurement] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return try text.split(separator: "\n").map {
      try JSONDecoder().decode(Measurement.self, from: Data($0.utf8))
    }
  }
}

/// The middle value, or the mean of the two in the middle; `values` must not be empty.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
