/// SentencePiece's rule as a list of merges.
enum ScoredMerges {
  /// A pair that together is a token.
  struct Pair {
    let left: String
    let right: String
    fileprivate let token: Int
    fileprivate let leftCount: Int
    fileprivate let count: Int
  }

  /// All pairs of tokens that together are a token, in the order in which they are merged.
  ///
  /// Where several tokens have one score, SentencePiece merges the leftmost pair first, which no
  /// order of pairs says. For runs of one character (Llama's runs of spaces) an order does: the
  /// longest run first grows each run from the left. Any other tie is refused.
  ///
  /// - Parameters:
  ///   - scores: one for each token.
  ///   - isText: whether a token can come out of merging.
  static func pairs(
    tokens: [String], scores: [Double], isText: [Bool]
  ) throws(TokenizerError) -> [Pair] {
    var own = ByteStringTable(minimumCapacity: tokens.count)
    var ids: [Int] = []
    for id in tokens.indices where isText[id] && !tokens[id].isEmpty {
      if own.insert(Array(tokens[id].utf8)) == ids.count { ids.append(id) }
    }
    var pairs: [Pair] = []
    for id in ids {
      let bytes = Array(tokens[id].utf8)
      let count = tokens[id].unicodeScalars.count
      var leftCount = 0
      for cut in bytes.indices.dropFirst() where bytes[cut] & 0xC0 != 0x80 {
        leftCount += 1
        let (left, right) = (Array(bytes[..<cut]), Array(bytes[cut...]))
        guard own.index(of: left) != nil, own.index(of: right) != nil else { continue }
        pairs.append(
          Pair(
            left: String(decoding: left, as: UTF8.self),
            right: String(decoding: right, as: UTF8.self), token: id, leftCount: leftCount,
            count: count))
      }
    }
    let ordered = pairs.enumerated().sorted { a, b in
      let (p, q) = (a.element, b.element)
      if scores[p.token] != scores[q.token] { return scores[p.token] > scores[q.token] }
      if p.count != q.count { return p.count > q.count }
      if p.leftCount != q.leftCount { return p.leftCount > q.leftCount }
      return a.offset < b.offset
    }.map(\.element)
    for (a, b) in zip(ordered, ordered.dropFirst())
    where a.token != b.token && scores[a.token] == scores[b.token] {
      let characters = Set((tokens[a.token] + tokens[b.token]).unicodeScalars)
      guard characters.count == 1 else {
        throw .unsupported(
          feature: "equal scores of the tokens \(tokens[a.token]) and \(tokens[b.token])")
      }
    }
    return ordered
  }
}
