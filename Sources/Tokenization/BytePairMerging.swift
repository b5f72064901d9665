/// Merges the tokens of one piece of text, lowest rank first, leftmost first among equals.
///
/// Short pieces, nearly all of them, are scanned anew for each merge, which costs less than any
/// structure. Long ones (base64, a line of dashes) use a queue, so that time grows as n log n and
/// no text can stall the encoder.
struct BytePairMerging {
  /// Where scanning begins to cost more than the queue.
  private static let scanLimit = 96

  private var ranks: [Int32] = []
  private var results: [Int32] = []
  private static let noMerge = Int32.max

  /// Replaces `tokens` by what they merge to.
  mutating func merge(_ tokens: inout [Int32], with table: MergeTable) {
    if tokens.count <= Self.scanLimit {
      scan(&tokens, table)
    } else {
      Self.queue(&tokens, table)
    }
  }

  private mutating func scan(_ tokens: inout [Int32], _ table: MergeTable) {
    guard tokens.count > 1 else { return }
    ranks.removeAll(keepingCapacity: true)
    results.removeAll(keepingCapacity: true)
    for index in 0..<tokens.count - 1 {
      let merge = table.merge(tokens[index], tokens[index + 1])
      ranks.append(merge?.rank ?? Self.noMerge)
      results.append(merge?.token ?? 0)
    }
    while true {
      var best = 0
      for index in 1..<max(ranks.count, 1) where ranks[index] < ranks[best] { best = index }
      guard !ranks.isEmpty, ranks[best] != Self.noMerge else { return }
      tokens[best] = results[best]
      tokens.remove(at: best + 1)
      ranks.remove(at: best)
      results.remove(at: best)
      for index in [best - 1, best] where index >= 0 && index < ranks.count {
        let merge = table.merge(tokens[index], tokens[index + 1])
        ranks[index] = merge?.rank ?? Self.noMerge
        results[index] = merge?.token ?? 0
      }
    }
  }

  /// A merge that was possible when it was queued.
  private struct Candidate: Comparable {
    let rank: Int32
    let position: Int
    let left: Int32
    let right: Int32
    let token: Int32

    static func < (a: Self, b: Self) -> Bool { (a.rank, a.position) < (b.rank, b.position) }
  }

  private static func queue(_ tokens: inout [Int32], _ table: MergeTable) {
    // Tokens form a list: each live position knows its neighbours. −1 marks a swallowed one.
    var next = Array(1...tokens.count)
    var previous = Array(-1..<tokens.count - 1)
    var heap = BinaryHeap<Candidate>()
    func push(_ position: Int) {
      guard position >= 0, next[position] < tokens.count else { return }
      let (left, right) = (tokens[position], tokens[next[position]])
      guard let merge = table.merge(left, right) else { return }
      heap.push(
        Candidate(
          rank: merge.rank, position: position, left: left, right: right, token: merge.token))
    }
    for position in 0..<tokens.count - 1 { push(position) }
    while let candidate = heap.pop() {
      let position = candidate.position
      let neighbour = next[position]
      guard tokens[position] == candidate.left, neighbour < tokens.count,
        tokens[neighbour] == candidate.right
      else { continue }
      tokens[position] = candidate.token
      tokens[neighbour] = -1
      next[position] = next[neighbour]
      if next[position] < tokens.count { previous[next[position]] = position }
      push(previous[position])
      push(position)
    }
    tokens.removeAll { $0 < 0 }
  }
}
