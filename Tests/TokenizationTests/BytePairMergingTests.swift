import TestSupport
import Testing

@testable import Tokenization  // The algorithm has two ways, which no text tells apart.

struct BytePairMergingTests {
  /// The definition: of all pairs that can merge, the lowest rank, there the leftmost.
  private func merged(_ tokens: [Int32], _ table: MergeTable) -> [Int32] {
    var tokens = tokens
    while true {
      let candidates = tokens.indices.dropLast().compactMap { index in
        table.merge(tokens[index], tokens[index + 1]).map {
          (rank: $0.rank, at: index, token: $0.token)
        }
      }
      guard let best = candidates.min(by: { ($0.rank, $0.at) < ($1.rank, $1.at) }) else {
        return tokens
      }
      tokens[best.at] = best.token
      tokens.remove(at: best.at + 1)
    }
  }

  @Test(arguments: [1, 2, 3, 17, 96, 97, 150, 300])
  func `equals the definition at every length`(length: Int) {
    for seed in UInt64(1)...8 {
      var random = SplitMix64(seed: seed)
      var table = MergeTable(capacity: 64)
      for rank in Int32(0)..<40 {
        let merge = MergeTable.Merge(rank: rank, token: 4 + rank)
        let parts = (0..<2).map { _ in Int32.random(in: 0..<4 + rank, using: &random) }
        _ = table.insert(merge, left: parts[0], right: parts[1])
      }
      let tokens = (0..<length).map { _ in Int32.random(in: 0..<4, using: &random) }
      var result = tokens
      var merging = BytePairMerging()
      merging.merge(&result, with: table)
      #expect(result == merged(tokens, table), "seed \(seed)")
    }
  }
}
