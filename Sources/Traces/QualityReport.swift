package import Foundation

/// What a trace is worth, measured from its stored rows.
package struct QualityReport: Codable, Equatable, Sendable {
  /// More invalid rows than this share fail the gate.
  package static let invalidShareLimit = 0.02

  /// Sequences in the trace.
  package private(set) var sequences = 0
  /// Sequences whose tokens are those of an earlier one.
  package private(set) var duplicateSequences = 0
  /// Rows, one per token.
  package private(set) var rows = 0
  /// Rows with a distribution that holds.
  package private(set) var validRows = 0
  /// Rows without candidates that say so, such as the first of each sequence.
  package private(set) var rowsWithoutSignal = 0
  /// Rows that contradict themselves, by reason.
  package private(set) var invalidRowsByReason: [String: Int] = [:]
  /// Rows that count in the loss.
  package private(set) var lossRows = 0
  /// Rows whose token is structural.
  package private(set) var structuralRows = 0
  /// Rows whose own token is among the candidates.
  package private(set) var tokenAmongCandidates = 0
  /// Rows whose own token is the first candidate.
  package private(set) var tokenIsFirstCandidate = 0
  /// Mass of the candidates, over valid rows.
  package private(set) var topKMass = Histogram(0...1, cellCount: 50)
  /// Mass of all other tokens, over valid rows.
  package private(set) var otherMass = Histogram(0...1, cellCount: 50)
  /// Entropy in nats of candidates and Other, over valid rows.
  package private(set) var entropy: Histogram
  /// What the trace says about itself.
  package let metadata: TraceMetadata
  /// How the teacher's tokens became the student's, where they are not the same.
  package var projection: ProjectionCoverage?

  private var seen: Set<UInt64> = []

  private enum CodingKeys: String, CodingKey {
    case sequences, rows, entropy, metadata
    case duplicateSequences = "duplicate_sequences"
    case validRows = "valid_rows"
    case rowsWithoutSignal = "rows_without_signal"
    case invalidRowsByReason = "invalid_rows_by_reason"
    case lossRows = "loss_rows"
    case structuralRows = "structural_rows"
    case tokenAmongCandidates = "token_among_candidates"
    case tokenIsFirstCandidate = "token_is_first_candidate"
    case topKMass = "top_k_mass"
    case otherMass = "other_mass"
  }

  /// A report of no sequence yet.
  package init(metadata: TraceMetadata) {
    self.metadata = metadata
    // K candidates and Other are K + 1 cells.
    entropy = Histogram(0...log(Double(metadata.topK + 1)), cellCount: 50)
  }

  /// Reads a whole trace.
  ///
  /// - Throws: `TraceError` when a shard is damaged.
  package init(reading trace: TraceSet) throws(TraceError) {
    self.init(metadata: trace.metadata)
    for index in 0..<trace.count { add(try trace.sequence(at: index)) }
  }

  /// Rows that contradict themselves.
  package var invalidRows: Int { invalidRowsByReason.values.reduce(0, +) }

  /// Share of invalid rows among those with a signal; 0 when none has.
  package var invalidShare: Double {
    let withSignal = validRows + invalidRows
    return withSignal == 0 ? 0 : Double(invalidRows) / Double(withSignal)
  }

  /// Whether the trace is good enough to train on.
  package var passesGate: Bool { validRows > 0 && invalidShare < Self.invalidShareLimit }

  /// Why it is not, for the user; nil when it is.
  package var gateFailure: String? {
    guard !passesGate else { return nil }
    var reasons = [
      validRows == 0
        ? "none of \(rows) rows has a distribution of the teacher"
        : "\(invalidRows) of \(rows) rows are invalid; at most \(Self.invalidShareLimit * 100) % may be"
    ]
    reasons += invalidRowsByReason.sorted { $0.key < $1.key }.map { "\($1) are \($0)" }
    if let count = projection?.unalignedSequences, count > 0 {
      reasons.append(
        "the tokens of \(count) of \(sequences) answers do not spell their text, as where a provider "
          + "rewrites it or it is no UTF-8")
    }
    return reasons.joined(separator: "; ")
  }

  /// Counts one sequence.
  package mutating func add(_ sequence: TraceSequence) {
    sequences += 1
    rows += sequence.count
    if !seen.insert(Self.hash(sequence.tokens)).inserted { duplicateSequences += 1 }
    for row in 0..<sequence.count {
      if sequence.lossMask[row] { lossRows += 1 }
      if sequence.isStruct[row] { structuralRows += 1 }
      switch sequence.quality(ofRow: row, vocabularySize: metadata.vocabularySize) {
      case .noSignal: rowsWithoutSignal += 1
      case .invalid(let reason): invalidRowsByReason[reason.rawValue, default: 0] += 1
      case .valid(let mass, let entropy):
        validRows += 1
        topKMass.add(mass)
        otherMass.add(exp(Double(sequence.otherLogprob[row])))
        self.entropy.add(entropy)
        countToken(ofRow: row, in: sequence)
      }
    }
  }

  private mutating func countToken(ofRow row: Int, in sequence: TraceSequence) {
    let start = row * sequence.topK
    let candidates = sequence.topKIDs[start..<(start + Int(sequence.candidateCounts[row]))]
    guard let rank = candidates.firstIndex(of: sequence.tokens[row]) else { return }
    tokenAmongCandidates += 1
    if rank == start { tokenIsFirstCandidate += 1 }
  }

  /// FNV-1a over the tokens: stable, and a false duplicate is unlikely below a billion sequences.
  private static func hash(_ tokens: [Int32]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for token in tokens {
      hash = (hash ^ UInt64(UInt32(bitPattern: token))) &* 0x0000_0100_0000_01B3
      hash ^= hash >> 29
    }
    return hash
  }

  /// The report as JSON, with the figures that follow from its counts.
  package func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    return try encoder.encode(Document(report: self))
  }

  /// The stored form: the counts, and beside them what a reader would compute from them.
  private struct Document: Encodable {
    let report: QualityReport

    private enum Keys: String, CodingKey {
      case invalidRows = "invalid_rows"
      case invalidShare = "invalid_share"
      case invalidShareLimit = "invalid_share_limit"
      case passesGate = "passes_gate"
      case topKMassMean = "top_k_mass_mean"
      case otherMassMean = "other_mass_mean"
      case entropyMean = "entropy_nats_mean"
      case structuralShare = "structural_share"
      case projectionCoverage = "projection_coverage"
      case projection
    }

    func encode(to encoder: any Encoder) throws {
      try report.encode(to: encoder)
      var container = encoder.container(keyedBy: Keys.self)
      try container.encode(report.invalidRows, forKey: .invalidRows)
      try container.encode(report.invalidShare, forKey: .invalidShare)
      try container.encode(QualityReport.invalidShareLimit, forKey: .invalidShareLimit)
      try container.encode(report.passesGate, forKey: .passesGate)
      try container.encode(report.topKMass.mean, forKey: .topKMassMean)
      try container.encode(report.otherMass.mean, forKey: .otherMassMean)
      try container.encode(report.entropy.mean, forKey: .entropyMean)
      try container.encode(
        report.rows == 0 ? 0 : Double(report.structuralRows) / Double(report.rows),
        forKey: .structuralShare)
      try container.encode(
        report.projection?.shares ?? report.metadata.projectionCoverage,
        forKey: .projectionCoverage)
      try container.encodeIfPresent(report.projection, forKey: .projection)
    }
  }
}
