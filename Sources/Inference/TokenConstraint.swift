/// What an answer may look like: a grammar, a JSON schema, a list of choices.
///
/// A value with its own state, so that several answers may start from one. The engine uses its copy
/// on its own thread; what it is asked must take far less time than a decoded token.
package protocol TokenConstraint: Sendable {
  /// Marks the tokens that may come next in `mask`, which holds none when it is called. Where the
  /// answer may end, a stop token of the request is to be marked.
  mutating func markAllowed(in mask: inout TokenMask)

  /// `token`, one of the allowed ones, was appended. Not called for a stop token.
  mutating func accept(_ token: Int32)
}

/// A set of token ids, one bit each: token t is bit t mod 64 of word t / 64.
package struct TokenMask: Equatable, Sendable {
  /// V.
  package let vocabularySize: Int
  package private(set) var words: [UInt64]

  /// An empty set of ids below `vocabularySize`.
  package init(vocabularySize: Int) {
    precondition(vocabularySize >= 0, "a vocabulary has no negative size")
    self.vocabularySize = vocabularySize
    words = Array(repeating: 0, count: (vocabularySize + 63) / 64)
  }

  /// Whether the id is in the set; ids outside the vocabulary never are, and cannot be added.
  package subscript(token: Int32) -> Bool {
    get {
      guard token >= 0, Int(token) < vocabularySize else { return false }
      return words[Int(token) / 64] >> UInt64(token % 64) & 1 == 1
    }
    set {
      guard token >= 0, Int(token) < vocabularySize else { return }
      let bit = UInt64(1) << UInt64(token % 64)
      if newValue { words[Int(token) / 64] |= bit } else { words[Int(token) / 64] &= ~bit }
    }
  }

  /// Adds all of another set over the same vocabulary: how a prepared set of thousands of tokens is
  /// marked at once.
  package mutating func formUnion(_ other: TokenMask) {
    precondition(other.vocabularySize == vocabularySize, "the sets have different vocabularies")
    for index in words.indices { words[index] |= other.words[index] }
  }

  package var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

  /// Empties the set.
  package mutating func removeAll() {
    for index in words.indices { words[index] = 0 }
  }
}
