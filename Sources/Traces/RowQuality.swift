import Foundation

/// What the teacher's signal at one row is worth.
package enum RowQuality: Equatable, Sendable {
  /// The row has no candidates and says so: P(other) = 1.
  case noSignal
  /// A distribution. `mass` is that of the candidates; `entropy`, in nats, is that over the
  /// candidates and Other as one cell, so a lower bound of the teacher's.
  case valid(mass: Double, entropy: Double)
  /// No distribution, and why.
  case invalid(InvalidRow)
}

/// Why a row is no distribution.
package enum InvalidRow: String, CaseIterable, Codable, Sendable {
  case idOutsideVocabulary = "id_outside_vocabulary"
  case repeatedID = "repeated_id"
  case notALogprob = "not_a_logprob"
  case notDescending = "not_descending"
  case wrongTotal = "wrong_total"
}

extension TraceSequence {
  /// How far the masses of a row may be from 1 together.
  ///
  /// Each of 20 to 128 logs is rounded to float32 (relative 6e-8); teachers that score in bfloat16
  /// have errors near 1e-3 (8 bits).
  package static let totalTolerance = 2e-3

  /// Judges row `row`, whose token ids must be below `vocabularySize`.
  package func quality(ofRow row: Int, vocabularySize: Int) -> RowQuality {
    guard 0..<vocabularySize ~= Int(tokens[row]) else { return .invalid(.idOutsideVocabulary) }
    let count = Int(candidateCounts[row])
    let other = otherLogprob[row]
    guard count > 0 else { return other == 0 ? .noSignal : .invalid(.wrongTotal) }
    guard Self.isLogprob(other) || other == -.infinity else { return .invalid(.notALogprob) }
    let start = row * topK
    var mass = 0.0
    var entropy = Self.entropyTerm(Double(other))
    var before = Float.infinity
    for place in start..<(start + count) {
      let id = topKIDs[place]
      let logprob = topKLogprobs[place]
      guard 0..<vocabularySize ~= Int(id) else { return .invalid(.idOutsideVocabulary) }
      for earlier in start..<place where topKIDs[earlier] == id { return .invalid(.repeatedID) }
      guard Self.isLogprob(logprob) else { return .invalid(.notALogprob) }
      guard logprob <= before else { return .invalid(.notDescending) }
      before = logprob
      mass += exp(Double(logprob))
      entropy += Self.entropyTerm(Double(logprob))
    }
    guard abs(mass + exp(Double(other)) - 1) <= Self.totalTolerance else {
      return .invalid(.wrongTotal)
    }
    return .valid(mass: mass, entropy: entropy)
  }

  /// Providers send -9999 for "no value"; no softmax in float32 reaches -1000.
  private static func isLogprob(_ value: Float) -> Bool { value <= 1e-3 && value > -1000 }

  private static func entropyTerm(_ logprob: Double) -> Double {
    logprob == -.infinity ? 0 : -exp(logprob) * logprob
  }
}
