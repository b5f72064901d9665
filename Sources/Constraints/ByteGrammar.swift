/// A context-free grammar over bytes, as a graph of rules that may lead back to themselves.
///
/// Rules are numbered; a rule that another refers to may be defined after it. No rule may reach
/// itself without a byte in between, and what a `many` repeats is never empty: the builders in
/// `JSONGrammar` make no such rules.
struct ByteGrammar: Sendable {
  /// The number of a rule.
  typealias RuleID = Int32

  /// What a rule matches.
  enum Rule: Sendable {
    /// Exactly these bytes.
    case bytes([UInt8])
    /// One byte of a set.
    case oneOf(ByteSet)
    /// One after the other; none is the empty text.
    case sequence([RuleID])
    /// Any of these.
    case choice([RuleID])
    /// The same again and again, from `least` to `most` times; nil has no end.
    case many(RuleID, least: Int, most: Int?)
  }

  private(set) var rules: [Rule] = []

  /// Adds a rule.
  mutating func add(_ rule: Rule) -> RuleID {
    rules.append(rule)
    return RuleID(rules.count - 1)
  }

  /// A rule's number before its content is known.
  mutating func declare() -> RuleID { add(.sequence([])) }

  /// Gives a declared rule its content.
  mutating func define(_ id: RuleID, _ rule: Rule) { rules[Int(id)] = rule }

  mutating func text(_ text: String) -> RuleID { add(.bytes(Array(text.utf8))) }

  mutating func sequence(_ parts: RuleID...) -> RuleID { add(.sequence(parts)) }

  mutating func choice(_ parts: RuleID...) -> RuleID { add(.choice(parts)) }

  mutating func optional(_ part: RuleID) -> RuleID {
    add(.choice([part, add(.sequence([]))]))
  }

  mutating func oneOf(_ ranges: ClosedRange<UInt8>...) -> RuleID {
    add(.oneOf(ByteSet(ranges)))
  }
}

/// A set of bytes.
struct ByteSet: Sendable {
  private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

  init(_ ranges: [ClosedRange<UInt8>]) {
    for range in ranges {
      for byte in range { insert(byte) }
    }
  }

  func contains(_ byte: UInt8) -> Bool {
    let word =
      switch byte >> 6 {
      case 0: words.0
      case 1: words.1
      case 2: words.2
      default: words.3
      }
    return word >> UInt64(byte & 63) & 1 == 1
  }

  private mutating func insert(_ byte: UInt8) {
    let bit = UInt64(1) << UInt64(byte & 63)
    switch byte >> 6 {
    case 0: words.0 |= bit
    case 1: words.1 |= bit
    case 2: words.2 |= bit
    default: words.3 |= bit
    }
  }
}
