/// The distinct words of a text with how often each occurs, and the pairs of tokens in them.
struct TrainingWords {
  /// Two tokens that stand next to each other.
  struct Pair: Hashable, Comparable {
    let left: Int32
    let right: Int32

    static func < (a: Self, b: Self) -> Bool { (a.left, a.right) < (b.left, b.right) }
  }

  /// A pair as it was counted once; counts only fall later, so that a stale one is too high.
  private struct QueuedPair: Comparable {
    let count: Int
    let pair: Pair

    /// The most frequent first, among equals the lower ids.
    static func < (a: Self, b: Self) -> Bool {
      a.count != b.count ? a.count > b.count : a.pair < b.pair
    }
  }

  /// How often a pair occurs, and the words that may hold it.
  private struct Occurrences {
    var count = 0
    var words: [Int32] = []
  }

  private var symbols: [Int32] = []
  /// Where each word's tokens lie in `symbols`; merging shortens the range.
  private var ranges: [Range<Int>] = []
  private var counts: [Int] = []
  private var pairs: [Pair: Occurrences] = [:]
  private var queue = BinaryHeap<QueuedPair>()

  var isEmpty: Bool { ranges.isEmpty }

  mutating func append(_ word: [Int32], count: Int) {
    ranges.append(symbols.count..<symbols.count + word.count)
    symbols.append(contentsOf: word)
    counts.append(count)
  }

  /// Counts all pairs; called once, after the last word.
  mutating func countPairs() {
    for (word, range) in ranges.enumerated() {
      for index in range.dropLast() {
        let pair = Pair(left: symbols[index], right: symbols[index + 1])
        add(counts[word], to: pair, word: Int32(word))
      }
    }
    for (pair, occurrences) in pairs {
      queue.push(QueuedPair(count: occurrences.count, pair: pair))
    }
  }

  /// The pair that occurs most often; nil when no pair is left.
  mutating func popMostFrequentPair() -> Pair? {
    while let top = queue.pop() {
      let count = pairs[top.pair]?.count ?? 0
      if count == top.count, count > 0 { return top.pair }
      if count > 0 { queue.push(QueuedPair(count: count, pair: top.pair)) }
    }
    return nil
  }

  /// Replaces `pair` by `token` in every word, and brings the counts of its neighbours up to date.
  mutating func merge(_ pair: Pair, into token: Int32) {
    guard let occurrences = pairs.removeValue(forKey: pair) else { return }
    var changed: Set<Pair> = []
    for word in occurrences.words { merge(pair, into: token, word: word, &changed) }
    for pair in changed {
      if let count = pairs[pair]?.count, count > 0 {
        queue.push(QueuedPair(count: count, pair: pair))
      }
    }
  }

  private mutating func merge(
    _ pair: Pair, into token: Int32, word: Int32, _ changed: inout Set<Pair>
  ) {
    let range = ranges[Int(word)]
    let count = counts[Int(word)]
    var end = range.lowerBound
    var index = range.lowerBound
    while index < range.upperBound {
      guard index + 1 < range.upperBound, symbols[index] == pair.left,
        symbols[index + 1] == pair.right
      else {
        symbols[end] = symbols[index]
        end += 1
        index += 1
        continue
      }
      if end > range.lowerBound {
        let before = symbols[end - 1]
        subtract(count, from: Pair(left: before, right: pair.left))
        let new = Pair(left: before, right: token)
        add(count, to: new, word: word)
        changed.insert(new)
      }
      if index + 2 < range.upperBound {
        let after = symbols[index + 2]
        subtract(count, from: Pair(left: pair.right, right: after))
        let new = Pair(left: token, right: after)
        add(count, to: new, word: word)
        changed.insert(new)
      }
      symbols[end] = token
      end += 1
      index += 2
    }
    ranges[Int(word)] = range.lowerBound..<end
  }

  private mutating func add(_ count: Int, to pair: Pair, word: Int32) {
    var occurrences = pairs.removeValue(forKey: pair) ?? Occurrences()
    occurrences.count += count
    if occurrences.words.last != word { occurrences.words.append(word) }
    pairs[pair] = occurrences
  }

  private mutating func subtract(_ count: Int, from pair: Pair) {
    pairs[pair]?.count -= count
  }
}
