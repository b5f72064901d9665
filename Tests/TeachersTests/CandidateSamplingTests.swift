import Foundation
import Kernels
import TestSupport
import Testing

@testable import Teachers
@testable import Traces

struct CandidateSamplingTests {
  /// Logits of a peaked distribution with a long tail, and its logs.
  private func distribution(_ size: Int, seed: UInt64) -> (logits: [Float], logprobs: [Double]) {
    var random = SplitMix64(seed: seed)
    let logits = (0..<size).map { _ in Float.random(in: -6...3, using: &random) }
    let lse = log(logits.reduce(0) { $0 + exp(Double($1)) })
    return (logits, logits.map { Double($0) - lse })
  }

  private func sample(
    _ logits: [Float], _ logprobs: [Double], exact: Int, draws: Int, seed: UInt64
  ) -> SampledRow {
    let order = logits.indices.sorted { logits[$0] > logits[$1] }
    let top = order.prefix(exact)
    var rest = logits.map { exp($0) }
    for index in top { rest[index] = 0 }
    let mass = order.dropFirst(exact).reduce(0) { $0 + exp(logprobs[$1]) }
    return SampledRow(
      exactIDs: ArraySlice(top.map(Int32.init)),
      exactLogprobs: ArraySlice(top.map { Float(logprobs[$0]) }), restLogprob: Float(log(mass)),
      restMasses: rest, vocabularySize: rest.count, draws: draws, seed: seed)
  }

  @Test(arguments: [(1, 1), (2, 5), (8, 12)])
  func `every token's expected weight is its probability`(exact: Int, draws: Int) {
    let (logits, logprobs) = distribution(60, seed: 4)
    let rounds = 20_000
    var sums = [Double](repeating: 0, count: 60)
    for round in 0..<rounds {
      let row = sample(logits, logprobs, exact: exact, draws: draws, seed: UInt64(round))
      var total = 0.0
      for (id, logprob) in zip(row.ids, row.logprobs) {
        let weight = exp(Double(logprob))
        sums[Int(id)] += weight
        total += weight
      }
      #expect(abs(total - 1) < 1e-5)
    }
    let top = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(exact)
    let rest = 1 - top.reduce(0) { $0 + exp(logprobs[$1]) }
    for id in 0..<60 {
      let mean = sums[id] / Double(rounds)
      let probability = exp(logprobs[id])
      // Of a share of the rest that a binomial count gives; the exact ones have none.
      let variance = top.contains(id) ? 0 : probability * (rest - probability) / Double(draws)
      // Five standard errors, and two draws of a token that hardly ever comes. The seeds are fixed.
      let tolerance =
        5 * (variance / Double(rounds)).squareRoot() + 2 * rest / Double(draws * rounds) + 1e-6
      #expect(abs(mean - probability) < tolerance, "token \(id)")
    }
    // The largest alone, which Top-K keeps, are not: what it drops never comes.
    let kept = logits.indices.sorted { logits[$0] > logits[$1] }.prefix(exact + draws)
    let dropped = logprobs.indices.filter { !kept.contains($0) }.reduce(0) {
      $0 + exp(logprobs[$1])
    }
    #expect(dropped > 0.01)
  }

  @Test func `ids are distinct and sorted, and a seed repeats them`() {
    let (logits, logprobs) = distribution(300, seed: 9)
    for seed in 0..<50 as Range<UInt64> {
      let row = sample(logits, logprobs, exact: 4, draws: 30, seed: seed)
      #expect(Set(row.ids).count == row.ids.count && row.ids.count <= 34)
      #expect(zip(row.logprobs, row.logprobs.dropFirst()).allSatisfy { $0 >= $1 })
      let again = sample(logits, logprobs, exact: 4, draws: 30, seed: seed)
      #expect(again.ids == row.ids && again.logprobs == row.logprobs)
    }
  }

  @Test func `a sampled trace is valid, and does not depend on how texts are batched`() throws {
    let tiny = TinyTeacher()
    let texts = tiny.texts(count: 12)
    let choice = CandidateChoice.sampled(exact: 2, draws: 5)
    let together = try #require(try tiny.teacher().score(texts, choice: choice, seed: 7))
    let teacher = try tiny.teacher(batchRows: 20)
    for (text, trace) in zip(texts, together) {
      let alone = try #require(try teacher.score([text], choice: choice, seed: 7))[0]
      #expect(alone.topKIDs == trace.topKIDs)
      #expect(
        zip(alone.topKLogprobs, trace.topKLogprobs).allSatisfy { abs($0 - $1) < 1e-4 || $0 == $1 })
      for row in 1..<max(1, trace.count) {
        guard case .valid(let mass, _) = trace.quality(ofRow: row, vocabularySize: 23) else {
          Issue.record("row \(row) of text \(text.id) is not valid")
          continue
        }
        #expect(abs(mass - 1) < 1e-5 && trace.otherLogprob[row] == -.infinity)
      }
    }
    let other = try #require(try tiny.teacher().score(texts, choice: choice, seed: 8))
    #expect(other.map(\.topKIDs) != together.map(\.topKIDs))
  }
}
