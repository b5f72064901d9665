import Foundation

/// How a teacher's candidate becomes student tokens (TRACES, "Projection to the student's tokenizer").
package enum ProjectionRule: String, Codable, CaseIterable, Sendable {
  /// A student token with the same bytes.
  case exact
  /// The student token that the text with the candidate really gets at this place.
  case firstSubtoken = "first_subtoken"
  /// One student token over several teacher tokens of the actual text.
  case realisedSpan = "realised_span"
  /// The published rule: the first token of the candidate encoded by itself.
  case legacyFirstSubtoken = "legacy_first_subtoken"
  /// None of them: its mass counts as that of all other tokens.
  case other
}

/// What a projection did with the teacher's mass, over all rows with a signal.
package struct ProjectionCoverage: Equatable, Sendable {
  /// Mass of candidates by the rule that mapped it.
  package private(set) var mass: [ProjectionRule: Double] = [:]
  /// Rows with a signal.
  package private(set) var rows = 0
  /// Rows that begin inside of a teacher token, so that it said nothing there.
  package private(set) var rowsInsideTokens = 0
  /// Sequences whose captured tokens do not spell their text.
  package private(set) var unalignedSequences = 0
  /// Which candidates, by their bytes, the legacy rule put on one student token.
  package private(set) var legacyCandidates: [Int32: Set<[UInt8]>] = [:]

  /// Of nothing yet.
  package init() {}

  /// Counts mass of a candidate.
  package mutating func add(_ mass: Double, by rule: ProjectionRule) {
    self.mass[rule, default: 0] += mass
  }
  /// Counts a row with a signal.
  package mutating func addRow() { rows += 1 }
  /// Counts a row that begins inside of a teacher token.
  package mutating func addRowInsideToken() { rowsInsideTokens += 1 }
  /// Counts a sequence whose tokens do not spell its text.
  package mutating func addUnalignedSequence() { unalignedSequences += 1 }
  /// Notes which candidate the legacy rule put on a student token.
  package mutating func addLegacy(_ candidate: [UInt8], on token: Int32) {
    legacyCandidates[token, default: []].insert(candidate)
  }

  /// Adds what another part of the projection did.
  package mutating func add(_ other: ProjectionCoverage) {
    for (rule, mass) in other.mass { add(mass, by: rule) }
    rows += other.rows
    rowsInsideTokens += other.rowsInsideTokens
    unalignedSequences += other.unalignedSequences
    legacyCandidates.merge(other.legacyCandidates) { $0.union($1) }
  }

  /// Share of the candidates' mass by rule, by the names of TRACES; empty when there was none.
  package var shares: [String: Double] {
    let total = mass.values.reduce(0, +)
    guard total > 0 else { return [:] }
    return Dictionary(uniqueKeysWithValues: mass.map { ($0.rawValue, $1 / total) })
  }

  /// Student tokens that the legacy rule gave more than one candidate.
  package var legacyCollapsedIDs: Int { legacyCandidates.values.count { $0.count > 1 } }
  /// Candidates that the legacy rule told from no other.
  package var legacyCollapsedCandidates: Int {
    legacyCandidates.values.reduce(0) { $0 + ($1.count > 1 ? $1.count : 0) }
  }
}

extension ProjectionCoverage: Encodable {
  private enum Keys: String, CodingKey {
    case rows
    case rowsInsideTokens = "rows_inside_teacher_tokens"
    case unalignedSequences = "unaligned_sequences"
    case shares = "mass_share_by_rule"
    case legacy = "legacy_first_subtoken"
  }

  private struct Legacy: Encodable {
    struct Collapse: Encodable {
      let tokenID: Int32
      let candidates: Int

      enum CodingKeys: String, CodingKey {
        case tokenID = "token_id"
        case candidates
      }
    }

    let candidates: Int
    let studentIDs: Int
    let collapsedIDs: Int
    let collapsedCandidates: Int
    let largest: [Collapse]

    enum CodingKeys: String, CodingKey {
      case candidates
      case studentIDs = "student_ids"
      case collapsedIDs = "collapsed_ids"
      case collapsedCandidates = "collapsed_candidates"
      case largest
    }
  }

  /// The report's form; what the legacy rule collapsed is there only where it was used.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Keys.self)
    try container.encode(rows, forKey: .rows)
    try container.encode(rowsInsideTokens, forKey: .rowsInsideTokens)
    try container.encode(unalignedSequences, forKey: .unalignedSequences)
    try container.encode(shares, forKey: .shares)
    guard !legacyCandidates.isEmpty else { return }
    let largest = legacyCandidates.map { Legacy.Collapse(tokenID: $0, candidates: $1.count) }
      .sorted { ($1.candidates, $0.tokenID) < ($0.candidates, $1.tokenID) }
    try container.encode(
      Legacy(
        candidates: legacyCandidates.values.reduce(0) { $0 + $1.count },
        studentIDs: legacyCandidates.count, collapsedIDs: legacyCollapsedIDs,
        collapsedCandidates: legacyCollapsedCandidates, largest: Array(largest.prefix(10))),
      forKey: .legacy)
  }
}
