import Foundation
import Traces

/// The mass of one row on its way to student tokens.
struct Spread {
  /// By student token; that of candidates which became one token is added up.
  private(set) var mass: [Int32: Double] = [:]
  /// Of all that has no student token.
  private(set) var other = 0.0
  /// Of listed candidates, by rule.
  private(set) var massByRule: [ProjectionRule: Double] = [:]

  mutating func add(_ mass: Double, on token: Int32, by rule: ProjectionRule) {
    self.mass[token, default: 0] += mass
    massByRule[rule, default: 0] += mass
  }

  /// Mass of a candidate that no rule maps.
  mutating func addUnmapped(_ mass: Double) {
    other += mass
    massByRule[.other, default: 0] += mass
  }

  /// Mass that the teacher put on tokens that it did not list.
  mutating func addUnlisted(_ mass: Double) { other += mass }
}

/// Rows of a sequence that is being projected.
struct ProjectedRows {
  private let topK: Int
  private var tokens: [Int32] = []
  private var ids: [Int32] = []
  private var logprobs: [Float] = []
  private var counts: [Int32] = []
  private var others: [Float] = []
  private var lossMask: [Bool] = []

  init(topK: Int) { self.topK = topK }

  /// Adds a row without a signal.
  mutating func append(_ token: Int32, isTarget: Bool) {
    // The first token is predicted from nothing.
    lossMask.append(isTarget && !tokens.isEmpty)
    tokens.append(token)
    ids.append(contentsOf: repeatElement(-1, count: topK))
    logprobs.append(contentsOf: repeatElement(-.infinity, count: topK))
    counts.append(0)
    others.append(0)
  }

  /// Gives the last row its distribution: the K largest, the rest joins Other.
  mutating func setSignal(_ spread: Spread) {
    let sorted = spread.mass.filter { $0.value > 0 }
      .sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    // No candidate that is a token: P(other) = 1, as the row says already.
    guard !sorted.isEmpty else { return }
    let first = ids.count - topK
    for (index, entry) in sorted.prefix(topK).enumerated() {
      ids[first + index] = entry.key
      logprobs[first + index] = Float(log(entry.value))
    }
    let dropped = sorted.dropFirst(topK).reduce(0) { $0 + $1.value }
    counts[counts.count - 1] = Int32(min(topK, sorted.count))
    others[others.count - 1] = Float(log(spread.other + dropped))
  }

  /// nil when there is no row.
  func sequence(id: Int64, structural: [Bool]) -> TraceSequence? {
    guard !tokens.isEmpty else { return nil }
    return TraceSequence(
      id: id, tokens: tokens, topK: topK, topKIDs: ids, topKLogprobs: logprobs,
      candidateCounts: counts, otherLogprob: others, lossMask: lossMask,
      isStruct: tokens.map { structural[Int($0)] })
  }
}
