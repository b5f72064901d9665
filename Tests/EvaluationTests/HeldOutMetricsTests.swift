import Evaluation
import Foundation
import Kernels
import TestSupport
import Testing

struct HeldOutMetricsTests {
  private let team = ComputeTeam(threadCount: 2)

  /// Logits between −12 and 12, `[rows, vocabulary]`.
  private func logits(_ count: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<count).map { _ in Float.random(in: -12...12, using: &random) }
  }

  private func metrics(
    student: [Float], teacher: [Float]?, targets: [Int32], chunk: Int? = nil,
    set: InstructionSet = .active, team: ComputeTeam? = nil
  ) -> HeldOutScores {
    let vocabulary = student.count / targets.count
    let team = team ?? self.team
    var metrics = HeldOutMetrics()
    for start in stride(from: 0, to: targets.count, by: chunk ?? targets.count) {
      let end = min(start + (chunk ?? targets.count), targets.count)
      student.withUnsafeBufferPointer { student in
        (teacher ?? []).withUnsafeBufferPointer { teacher in
          func rows(_ logits: UnsafeBufferPointer<Float>) -> LogitRows? {
            logits.baseAddress.map {
              LogitRows(
                $0 + start * vocabulary, count: end - start, vocabularySize: vocabulary,
                instructionSet: set, team: team)
            }
          }
          guard let studentRows = rows(student) else { return }
          metrics.add(
            studentRows, targets: Array(targets[start..<end]),
            teacher: teacher.isEmpty ? nil : rows(teacher), instructionSet: set, team: team)
        }
      }
    }
    return metrics.scores
  }

  private func logSoftmax(_ row: ArraySlice<Float>) -> [Double] {
    let largest = Double(row.max() ?? 0)
    let sum = row.reduce(0) { $0 + exp(Double($1) - largest) }
    return row.map { Double($0) - largest - log(sum) }
  }

  /// Every tail of every vector width, and a vocabulary that fills many blocks of partial sums.
  @Test(arguments: [1, 2, 3, 7, 16, 17, 31, 33, 100, 1023, 1040, 4099])
  func `equals the definitions in double precision`(vocabulary: Int) {
    let rows = 5
    let (student, teacher) = (
      logits(rows * vocabulary, seed: 1), logits(rows * vocabulary, seed: 2)
    )
    let targets = (0..<rows).map { Int32($0 * 7 % vocabulary) }
    var (crossEntropy, ratio, divergence, change, squares, same) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    for row in 0..<rows {
      let range = row * vocabulary..<(row + 1) * vocabulary
      let (s, t) = (logSoftmax(student[range]), logSoftmax(teacher[range]))
      let target = Int(targets[row])
      crossEntropy -= s[target] / Double(rows)
      ratio += (t[target] - s[target]) / Double(rows)
      divergence += zip(t, s).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) } / Double(rows)
      let delta = exp(s[target]) - exp(t[target])
      change += delta / Double(rows)
      squares += delta * delta / Double(rows)
      let isSame = s.firstIndex(of: s.max() ?? 0) == t.firstIndex(of: t.max() ?? 0)
      same += isSame ? 1 / Double(rows) : 0
    }
    for set in InstructionSet.available {
      let scores = metrics(student: student, teacher: teacher, targets: targets, set: set)
      // Each exponential is off by 2e-7 of itself, logits of 24 round to 2e-6.
      let tolerance = 1e-5
      func isClose(_ value: Double?, _ expected: Double) -> Bool {
        abs((value ?? .infinity) - expected) <= tolerance * max(1, abs(expected))
      }
      #expect(isClose(scores.crossEntropy, crossEntropy), "\(set)")
      #expect(isClose(scores.perplexity, exp(crossEntropy)), "\(set)")
      #expect(isClose(scores.perplexityRatio, exp(ratio)), "\(set)")
      #expect(isClose(scores.klToTeacher, divergence), "\(set)")
      #expect(isClose(scores.meanProbabilityChange, change), "\(set)")
      #expect(isClose(scores.rmsProbabilityChange, squares.squareRoot()), "\(set)")
      #expect(isClose(scores.sameTop, same), "\(set)")
      #expect(scores.positions == rows)
    }
  }

  @Test func `a student equal to its teacher loses nothing`() {
    let values = logits(8 * 500, seed: 3)
    for set in InstructionSet.available {
      let scores = metrics(
        student: values, teacher: values, targets: [Int32](repeating: 4, count: 8), set: set)
      #expect(scores.klToTeacher == 0)
      #expect(scores.klMax == 0)
      #expect(scores.perplexityRatio == 1)
      #expect(scores.sameTop == 1)
      #expect(scores.rmsProbabilityChange == 0)
    }
  }

  @Test func `bits do not depend on chunks or threads`() {
    let (student, teacher) = (logits(40 * 333, seed: 4), logits(40 * 333, seed: 5))
    let targets = (0..<40).map { Int32($0 % 3 == 0 ? -1 : $0) }
    let whole = metrics(student: student, teacher: teacher, targets: targets)
    let chunks = metrics(student: student, teacher: teacher, targets: targets, chunk: 7)
    let alone = metrics(
      student: student, teacher: teacher, targets: targets, team: ComputeTeam(threadCount: 1))
    #expect(whole == chunks)
    #expect(whole == alone)
    #expect(whole.positions == 26)
  }

  @Test func `rows that are not finite are left out and counted`() {
    for bad in [Float.nan, .infinity, -.infinity] {
      for column in [0, 15, 16, 20] {
        var student = logits(3 * 21, seed: 6)
        student[21 + column] = bad
        let scores = metrics(student: student, teacher: student, targets: [1, 1, 1])
        #expect(scores.positions == 2)
        #expect(scores.notFinitePositions == 1)
        #expect(scores.crossEntropy?.isFinite == true)
      }
    }
  }

  @Test func `without positions or without a teacher nothing is made up`() {
    let none = metrics(student: logits(4, seed: 7), teacher: nil, targets: [-1])
    #expect(none == HeldOutScores())
    let alone = metrics(student: logits(10, seed: 7), teacher: nil, targets: [1, 2])
    #expect(alone.perplexity != nil)
    #expect(alone.klToTeacher == nil && alone.sameTop == nil && alone.perplexityRatio == nil)
    let single = metrics(student: logits(5, seed: 7), teacher: nil, targets: [1])
    #expect(single.crossEntropyStandardError == nil)
  }

  @Test func `percentiles lie between neighbours in proportion`() {
    // Two tokens, the teacher certain of neither: KL grows with the student's shift.
    let shifts: [Float] = [0, 1, 2, 3, 4]
    let student: [Float] = shifts.flatMap { shift in [Float(0), shift] }
    let teacher = [Float](repeating: 0, count: 10)
    let scores = metrics(student: student, teacher: teacher, targets: [0, 0, 0, 0, 0])
    func divergence(_ shift: Double) -> Double {
      log((1 + exp(shift)) / 2) - shift / 2
    }
    let expected = divergence(3) + 0.6 * (divergence(4) - divergence(3))
    #expect(abs((scores.klMedian ?? 0) - divergence(2)) < 1e-6)
    #expect(abs((scores.klPercentile90 ?? 0) - expected) < 1e-6)
    #expect(abs((scores.klMax ?? 0) - divergence(4)) < 1e-6)
  }

  @Test func `the standard error is that of the mean`() {
    let student: [Float] = [0, 0, 0, Float(log(3.0))]
    let scores = metrics(student: student, teacher: nil, targets: [0, 1])
    // Cross-entropies ln 2 and ln 4/3: their deviation is half their distance times root 2.
    let (a, b) = (log(2.0), log(4.0 / 3))
    #expect(abs((scores.crossEntropy ?? 0) - (a + b) / 2) < 1e-6)
    #expect(abs((scores.crossEntropyStandardError ?? 0) - abs(a - b) / 2) < 1e-6)
  }
}
