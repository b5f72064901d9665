package import Inference
internal import Synchronization

/// Holds an answer to a JSON grammar, token by token.
///
/// Copies go on by themselves, but share what was worked out about the grammar.
package struct GrammarConstraint: TokenConstraint {
  private let shared: SharedAutomaton
  private var state: GrammarAutomaton.State

  /// - Parameters:
  ///   - stopTokens: what may come where the text may end.
  package init(_ grammar: JSONGrammar, tokens: TokenBytes, stopTokens: [Int32]) {
    shared = SharedAutomaton(grammar, tokens: tokens, stopTokens: stopTokens)
    state = shared.start
  }

  package mutating func markAllowed(in mask: inout TokenMask) {
    mask.formUnion(shared.mask(state, vocabularySize: mask.vocabularySize))
  }

  package mutating func accept(_ token: Int32) { state = shared.next(state, token) }

  /// Whether the text so far is whole.
  package var isComplete: Bool { shared.isAccepting(state) }
}

/// A grammar's automaton and the masks of its states, for all copies of a constraint.
private final class SharedAutomaton: Sendable {
  private struct Memory {
    var automaton: GrammarAutomaton
    var masks: [GrammarAutomaton.State: TokenMask] = [:]
  }

  /// A mask of 150,000 tokens takes 19 KB.
  private static let maskCountMax = 1024

  let start: GrammarAutomaton.State
  private let tokens: TokenBytes
  private let stopTokens: [Int32]
  private let memory: Mutex<Memory>

  init(_ grammar: JSONGrammar, tokens: TokenBytes, stopTokens: [Int32]) {
    let automaton = GrammarAutomaton(grammar.grammar, start: grammar.start)
    start = automaton.start
    self.tokens = tokens
    self.stopTokens = stopTokens
    memory = Mutex(Memory(automaton: automaton))
  }

  func mask(_ state: GrammarAutomaton.State, vocabularySize: Int) -> TokenMask {
    memory.withLock { memory in
      if let known = memory.masks[state] { return known }
      var mask = TokenMask(vocabularySize: vocabularySize)
      tokens.forEachAllowed(in: &memory.automaton, from: state) { mask[$0] = true }
      if memory.automaton.isAccepting(state) {
        for token in stopTokens { mask[token] = true }
      }
      if memory.masks.count >= Self.maskCountMax { memory.masks.removeAll() }
      memory.masks[state] = mask
      return mask
    }
  }

  func next(_ state: GrammarAutomaton.State, _ token: Int32) -> GrammarAutomaton.State {
    memory.withLock { memory in
      tokens.bytes(of: token).reduce(state) { memory.automaton.next($0, $1) }
    }
  }

  func isAccepting(_ state: GrammarAutomaton.State) -> Bool {
    memory.withLock { $0.automaton.isAccepting(state) }
  }
}
