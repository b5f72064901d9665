/// The bytes of a vocabulary's tokens, ordered so that tokens that begin alike are read once.
package final class TokenBytes: Sendable {
  /// V.
  package let vocabularySize: Int
  /// Tokens with bytes, by their bytes.
  private let order: [Int32]
  /// Of each in that order: how many bytes it shares with the one before it.
  private let shared: [Int32]
  private let bytes: [UInt8]
  private let ends: [Int]
  private let longest: Int
  /// `[V]`: where each token stands in that order; −1 for those without bytes.
  private let places: [Int32]

  /// - Parameter tokens: `[V]` the bytes of each token inside a text; none for tokens that are no
  ///   text, which no constraint then allows.
  package init(_ tokens: [[UInt8]]) {
    vocabularySize = tokens.count
    let order = tokens.indices.filter { !tokens[$0].isEmpty }.sorted { first, second in
      tokens[first].lexicographicallyPrecedes(tokens[second])
    }
    var shared: [Int32] = []
    for (place, token) in order.enumerated() {
      let before = place > 0 ? tokens[order[place - 1]] : []
      let count = zip(before, tokens[token]).prefix { $0 == $1 }.count
      shared.append(Int32(count))
    }
    self.order = order.map(Int32.init)
    self.shared = shared
    bytes = order.flatMap { tokens[$0] }
    var end = 0
    ends = order.map { token in
      end += tokens[token].count
      return end
    }
    longest = tokens.map(\.count).max() ?? 0
    var places = [Int32](repeating: -1, count: tokens.count)
    for (place, token) in order.enumerated() { places[token] = Int32(place) }
    self.places = places
  }

  /// Calls `allow` with every token that leads from `state` to a state that is not dead.
  func forEachAllowed(
    in automaton: inout GrammarAutomaton, from state: GrammarAutomaton.State,
    _ allow: (Int32) -> Void
  ) {
    // The states behind each byte of the token that was read last.
    var states = [GrammarAutomaton.State](
      repeating: GrammarAutomaton.dead, count: longest + 1)
    states[0] = state
    // How many bytes of it were read before it was dead.
    var alive = 0
    var start = 0
    for (place, token) in order.enumerated() {
      defer { start = ends[place] }
      let common = Int(shared[place])
      // It begins with the bytes that another one died of.
      if place > 0, common > alive { continue }
      alive = min(alive, common)
      var count = common
      let length = ends[place] - start
      while count < length {
        let next = automaton.next(states[count], bytes[start + count])
        guard next != GrammarAutomaton.dead else { break }
        count += 1
        states[count] = next
      }
      alive = count
      if count == length { allow(token) }
    }
  }

  /// The bytes of `token`; none for what is no text.
  func bytes(of token: Int32) -> ArraySlice<UInt8> {
    guard token >= 0, Int(token) < vocabularySize else { return [] }
    let place = Int(places[Int(token)])
    guard place >= 0 else { return [] }
    return bytes[(place == 0 ? 0 : ends[place - 1])..<ends[place]]
  }
}
