import Foundation
import TestSupport
import Testing

@testable import Tokenization  // The list of merges is no one's interface.

struct ScoredMergesTests {
  /// SentencePiece's rule itself: of all neighbours that together are a token, the pair with the
  /// highest score, there the leftmost.
  private func merged(_ text: String, _ scores: [String: Double]) -> [String] {
    var pieces = text.unicodeScalars.map { String($0) }
    while true {
      let candidates = pieces.indices.dropLast().filter {
        scores[pieces[$0] + pieces[$0 + 1]] != nil
      }
      let best = candidates.max { a, b in
        let (x, y) = (
          scores[pieces[a] + pieces[a + 1]] ?? 0, scores[pieces[b] + pieces[b + 1]] ?? 0
        )
        return x != y ? x < y : a > b
      }
      guard let best else { return pieces }
      pieces[best] += pieces.remove(at: best + 1)
    }
  }

  private func merged(_ text: String, _ pairs: [ScoredMerges.Pair]) -> [String] {
    var pieces = text.unicodeScalars.map { String($0) }
    while true {
      var best: (rank: Int, place: Int)?
      for place in pieces.indices.dropLast() {
        let rank = pairs.firstIndex { $0.left == pieces[place] && $0.right == pieces[place + 1] }
        if let rank, best.map({ rank < $0.rank }) ?? true { best = (rank, place) }
      }
      guard let best else { return pieces }
      pieces[best.place] += pieces.remove(at: best.place + 1)
    }
  }

  @Test func `a list of merges does what the scores say`() throws {
    for seed in UInt64(1)...60 {
      var random = SplitMix64(seed: seed)
      // Words as training finds them, each of two that are there; and runs of one score.
      var tokens = ["a", "b", "c", "▁"]
      while tokens.count < 24 {
        let token =
          (tokens.randomElement(using: &random) ?? "")
          + (tokens.randomElement(using: &random) ?? "")
        if !tokens.contains(token), !token.contains("▁▁") { tokens.append(token) }
      }
      var scores = tokens.indices.map { -Double($0) }
      for length in 2...7 {
        tokens.append(String(repeating: "▁", count: length))
        scores.append(-1e9)
      }
      let pairs = try ScoredMerges.pairs(
        tokens: tokens, scores: scores, isText: tokens.map { _ in true })
      let table = Dictionary(uniqueKeysWithValues: zip(tokens, scores))
      for _ in 0..<20 {
        let text = (0..<Int.random(in: 1...24, using: &random)).map { _ in
          ["a", "b", "c", "▁", "▁", "▁▁▁▁▁"].randomElement(using: &random) ?? "a"
        }.joined()
        #expect(merged(text, pairs) == merged(text, table), "seed \(seed): \(text)")
      }
    }
  }

  @Test func `a tie that no order can express is refused`() {
    #expect(throws: TokenizerError.self) {
      try ScoredMerges.pairs(
        tokens: ["a", "b", "ab", "ba"], scores: [0, 0, -1, -1], isText: [true, true, true, true])
    }
  }

  @Test func `control tokens do not come out of merging`() throws {
    let pairs = try ScoredMerges.pairs(
      tokens: ["<", "s>", "<s>"], scores: [-1, -2, 0], isText: [true, true, false])
    #expect(pairs.isEmpty)
  }
}
