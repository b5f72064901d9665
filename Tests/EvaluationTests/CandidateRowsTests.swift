import Foundation
import Kernels
import TestSupport
import Testing

@testable import Evaluation

struct CandidateRowsTests {
  private let size = 40

  private func logits(rows: Int, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    return (0..<rows * size).map { _ in Float.random(in: -4...4, using: &random) }
  }

  private func logprobs(_ logits: ArraySlice<Float>) -> [Double] {
    let lse = log(logits.reduce(0) { $0 + exp(Double($1)) })
    return logits.map { Double($0) - lse }
  }

  /// The K largest of each row of a teacher, and the rest.
  private func candidates(_ teacher: [Float], rows: Int, count: Int) -> CandidateRows {
    var ids: [Int32] = []
    var values: [Float] = []
    var others: [Float] = []
    for row in 0..<rows {
      let all = logprobs(teacher[row * size..<(row + 1) * size])
      let order = all.indices.sorted { all[$0] > all[$1] }
      ids += order.prefix(count).map(Int32.init)
      values += order.prefix(count).map { Float(all[$0]) }
      others.append(Float(log(order.dropFirst(count).reduce(0) { $0 + exp(all[$1]) })))
    }
    return CandidateRows(
      candidateCount: count, ids: ids, logprobs: values, otherLogprobs: others)
  }

  private func scores(
    student: [Float], _ candidates: CandidateRows, targets: [Int32]
  ) -> HeldOutScores {
    student.withUnsafeBufferPointer { buffer in
      var metrics = HeldOutMetrics()
      let rows = LogitRows(
        buffer.baseAddress!, count: targets.count, vocabularySize: size,
        team: ComputeTeam(threadCount: 2))
      metrics.add(rows, targets: targets, candidates: candidates)
      return metrics.scores
    }
  }

  @Test func `a student that is the teacher diverges by nothing and agrees everywhere`() throws {
    let teacher = logits(rows: 12, seed: 1)
    for count in [1, 5, 39] {
      let scores = scores(
        student: teacher, candidates(teacher, rows: 12, count: count),
        targets: (0..<12).map { Int32($0) })
      #expect(try #require(scores.klToTeacher) < 1e-6 && scores.sameTop == 1)
      #expect(scores.positions == 12)
    }
  }

  @Test func `the divergence is that over the candidates and one cell for the others`() throws {
    let (teacher, student) = (logits(rows: 7, seed: 2), logits(rows: 7, seed: 3))
    let count = 6
    var sum = 0.0
    for row in 0..<7 {
      let q = logprobs(teacher[row * size..<(row + 1) * size])
      let p = logprobs(student[row * size..<(row + 1) * size])
      let order = q.indices.sorted { q[$0] > q[$1] }
      for id in order.prefix(count) { sum += exp(q[id]) * (q[id] - p[id]) }
      let rest = order.dropFirst(count)
      let (qOther, pOther) = (
        log(rest.reduce(0) { $0 + exp(q[$1]) }), log(rest.reduce(0) { $0 + exp(p[$1]) })
      )
      sum += exp(qOther) * (qOther - pOther)
    }
    let scores = scores(
      student: student, candidates(teacher, rows: 7, count: count),
      targets: [Int32](repeating: 3, count: 7))
    #expect(abs(try #require(scores.klToTeacher) - sum / 7) < 1e-5)
  }

  @Test func `positions that the teacher said nothing about count in the likelihood alone`() {
    let student = logits(rows: 2, seed: 4)
    let none = CandidateRows(
      candidateCount: 3, ids: [-1, -1, -1, -1, -1, -1],
      logprobs: [Float](repeating: -.infinity, count: 6), otherLogprobs: [0, 0])
    let scores = scores(student: student, none, targets: [5, -1])
    #expect(scores.positions == 1 && scores.klToTeacher == nil && scores.sameTop == nil)
  }
}
