internal import Foundation
package import Kernels

/// What a model predicts on held-out text, next to the text and to a teacher.
///
/// Rows come in chunks, so that the logits of a text never exist at once; only a few numbers a
/// position are kept. Equal inputs in equal order give equal bits.
///
/// Source: RECIPE.md §10; the names are those of llama.cpp's `perplexity` tool.
package struct HeldOutMetrics {
  private var crossEntropies: [Double] = []
  /// Student's less teacher's cross-entropy, position by position.
  private var excesses: [Double] = []
  private var divergences: [Double] = []
  /// Student's less teacher's probability of the text's token.
  private var probabilityChanges: [Double] = []
  private var sameTopCount = 0
  /// Positions at which a teacher's first choice is known.
  private var comparedCount = 0
  private var notFiniteCount = 0

  package init() {}

  /// Counts `rows`, which predict `targets`.
  ///
  /// - Parameters:
  ///   - targets: `[rows.count]` the token that really came; below 0 where none is counted.
  ///   - teacher: the same positions as the teacher sees them; nil when there is none, then only
  ///     the text is compared with.
  package mutating func add(
    _ rows: LogitRows, targets: [Int32], teacher: LogitRows? = nil,
    instructionSet: InstructionSet = .active, team: ComputeTeam
  ) {
    precondition(targets.count == rows.count, "a target a row, or −1")
    precondition(targets.allSatisfy { $0 < rows.vocabularySize }, "targets must be tokens")
    if let teacher {
      precondition(
        teacher.count == rows.count && teacher.vocabularySize == rows.vocabularySize,
        "teacher and student must see the same positions and tokens")
    }
    var counted: [Int] = []
    for (row, target) in targets.enumerated() where target >= 0 {
      let isFinite = rows.logSumExps[row].isFinite && teacher?.logSumExps[row].isFinite != false
      guard isFinite else {
        notFiniteCount += 1
        continue
      }
      counted.append(row)
      let crossEntropy = -rows.logProbability(of: target, row: row)
      crossEntropies.append(crossEntropy)
      guard let teacher else { continue }
      let teacherCrossEntropy = -teacher.logProbability(of: target, row: row)
      excesses.append(crossEntropy - teacherCrossEntropy)
      probabilityChanges.append(exp(-crossEntropy) - exp(-teacherCrossEntropy))
      comparedCount += 1
      if rows.topTokens[row] == teacher.topTokens[row] { sameTopCount += 1 }
    }
    if let teacher {
      divergences += teacher.divergences(
        to: rows, rows: counted, instructionSet: instructionSet, team: team
      ).map { max($0, 0) }
    }
  }

  /// Counts `rows`, which predict `targets`, beside what a teacher said when it was asked.
  ///
  /// The divergence is over the stored candidates and one cell for all other tokens (RECIPE §4, at
  /// temperature 1), so a lower bound of that over the vocabulary. The teacher's likelihood of the
  /// text counts where its token is among the candidates.
  ///
  /// - Parameter candidates: of the same positions.
  package mutating func add(
    _ rows: LogitRows, targets: [Int32], candidates: CandidateRows,
    instructionSet: InstructionSet = .active
  ) {
    precondition(
      targets.count == rows.count && candidates.count == rows.count, "a target a row, or −1")
    for (row, target) in targets.enumerated() where target >= 0 {
      guard rows.logSumExps[row].isFinite else {
        notFiniteCount += 1
        continue
      }
      let crossEntropy = -rows.logProbability(of: target, row: row)
      crossEntropies.append(crossEntropy)
      let known = candidates.row(row)
      guard let first = known.first else { continue }
      comparedCount += 1
      if rows.topTokens[row] == first.id { sameTopCount += 1 }
      divergences.append(
        max(0, candidates.divergence(to: rows, row: row, instructionSet: instructionSet)))
      guard let own = known.first(where: { $0.id == target }) else { continue }
      excesses.append(crossEntropy + own.logprob)
      probabilityChanges.append(exp(-crossEntropy) - exp(own.logprob))
    }
  }

  /// The figures of everything counted so far.
  package var scores: HeldOutScores {
    var scores = HeldOutScores()
    scores.positions = crossEntropies.count
    scores.notFinitePositions = notFiniteCount
    if let crossEntropy = MeanEstimate(crossEntropies) {
      scores.crossEntropy = crossEntropy.mean
      scores.crossEntropyStandardError = crossEntropy.standardError
      scores.perplexity = exp(crossEntropy.mean)
      // To first order, a small step in the mean changes its exponential in proportion.
      scores.perplexityStandardError = crossEntropy.standardError.map {
        $0 * exp(crossEntropy.mean)
      }
    }
    if let excess = MeanEstimate(excesses) {
      scores.perplexityRatio = exp(excess.mean)
      // The errors of both models on one position go together, so that the paired error is small.
      scores.perplexityRatioStandardError = excess.standardError.map { $0 * exp(excess.mean) }
    }
    if comparedCount > 0 { scores.sameTop = Double(sameTopCount) / Double(comparedCount) }
    if let divergence = MeanEstimate(divergences) {
      let sorted = divergences.sorted()
      scores.klToTeacher = divergence.mean
      scores.klStandardError = divergence.standardError
      scores.klMedian = percentile(50, of: sorted)
      scores.klPercentile90 = percentile(90, of: sorted)
      scores.klPercentile95 = percentile(95, of: sorted)
      scores.klPercentile99 = percentile(99, of: sorted)
      scores.klMax = sorted.last
    }
    if let change = MeanEstimate(probabilityChanges) {
      scores.meanProbabilityChange = change.mean
      let squares = probabilityChanges.reduce(0) { $0 + $1 * $1 }
      scores.rmsProbabilityChange = (squares / Double(probabilityChanges.count)).squareRoot()
    }
    return scores
  }
}

/// A mean, and how far it may be off.
struct MeanEstimate {
  let mean: Double
  /// Standard error of the mean; nil for a single value, which says nothing about spread.
  let standardError: Double?

  /// Nil when there is no value.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let count = Double(values.count)
    mean = values.reduce(0, +) / count
    guard values.count > 1 else {
      standardError = nil
      return
    }
    let mean = mean
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    standardError = (squares / (count - 1) / count).squareRoot()
  }
}
