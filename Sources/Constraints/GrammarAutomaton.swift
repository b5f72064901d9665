// From a grammar to states that are looked up.
//
// A text that is being read is at one or several places of the grammar at once. A place is a stack
// of goals: what must still be matched, the next on top. Stacks are lists that share their tails,
// each list numbered once; a set of them is a state, and where a byte leads from a state is worked
// out when it is first asked and then looked up (as regular expression engines build automata
// lazily; Thompson 1968, "Regular expression search algorithm"; Cox 2010, "Regular expression
// matching in the wild").

/// Reads bytes by a grammar. Grows as it is used; not for two threads at once.
struct GrammarAutomaton {
  /// The number of a state.
  typealias State = Int32

  /// No text of the grammar goes on like this.
  static let dead: State = -1
  private static let unknown: State = -2
  /// States at most; a text that needs more ends dead. Each takes about a kilobyte.
  private static let stateCountMax = 65_536

  /// A rule, how much of it is matched already, and the goals after it.
  private struct Goal: Hashable {
    let rule: ByteGrammar.RuleID
    let place: Int32
    /// The next goal's number; −1: nothing follows.
    let rest: Int32
  }

  private let grammar: ByteGrammar
  private var goals: [Goal] = []
  private var goalNumbers: [Goal: Int32] = [:]
  /// Goals, each about to read a byte, and −1 where the text may end.
  private var stateGoals: [[Int32]] = []
  private var stateNumbers: [[Int32]: State] = [:]
  /// `[states, 256]`.
  private var transitions: [State] = []
  private(set) var start: State = dead

  init(_ grammar: ByteGrammar, start rule: ByteGrammar.RuleID) {
    self.grammar = grammar
    var places: Set<Int32> = []
    expand(number(of: rule, 0, -1), into: &places)
    start = state(places)
  }

  /// Whether the text may end here.
  func isAccepting(_ state: State) -> Bool {
    state >= 0 && stateGoals[Int(state)].first == -1
  }

  /// Where `byte` leads.
  mutating func next(_ state: State, _ byte: UInt8) -> State {
    guard state >= 0 else { return Self.dead }
    let index = Int(state) * 256 + Int(byte)
    let known = transitions[index]
    if known != Self.unknown { return known }
    var places: Set<Int32> = []
    for number in stateGoals[Int(state)] where number >= 0 {
      let goal = goals[Int(number)]
      switch grammar.rules[Int(goal.rule)] {
      case .bytes(let bytes) where bytes[Int(goal.place)] == byte:
        if Int(goal.place) + 1 < bytes.count {
          places.insert(self.number(of: goal.rule, Int(goal.place) + 1, goal.rest))
        } else {
          expand(goal.rest, into: &places)
        }
      case .oneOf(let set) where set.contains(byte): expand(goal.rest, into: &places)
      case .bytes, .oneOf, .sequence, .choice, .many: break
      }
    }
    let result = self.state(places)
    transitions[index] = result
    return result
  }

  /// Adds the goals that read the next byte when `number` is on top; −1 when nothing is left.
  private mutating func expand(_ number: Int32, into places: inout Set<Int32>) {
    guard number >= 0 else {
      places.insert(-1)
      return
    }
    let goal = goals[Int(number)]
    let place = Int(goal.place)
    switch grammar.rules[Int(goal.rule)] {
    case .oneOf: places.insert(number)
    case .bytes(let bytes):
      if bytes.isEmpty { expand(goal.rest, into: &places) } else { places.insert(number) }
    case .sequence(let parts):
      guard place < parts.count else { return expand(goal.rest, into: &places) }
      // The last part's rest is the sequence's own: lists do not grow by what is done.
      let rest =
        place + 1 == parts.count ? goal.rest : self.number(of: goal.rule, place + 1, goal.rest)
      expand(self.number(of: parts[place], 0, rest), into: &places)
    case .choice(let parts):
      for part in parts { expand(self.number(of: part, 0, goal.rest), into: &places) }
    case .many(let part, let least, let most):
      if place >= least { expand(goal.rest, into: &places) }
      guard place < most ?? .max else { return }
      // Without an end, counting stops when there are enough.
      let next = most == nil ? min(place + 1, least) : place + 1
      let rest = self.number(of: goal.rule, next, goal.rest)
      expand(self.number(of: part, 0, rest), into: &places)
    }
  }

  private mutating func number(
    of rule: ByteGrammar.RuleID, _ place: Int, _ rest: Int32
  ) -> Int32 {
    let goal = Goal(rule: rule, place: Int32(place), rest: rest)
    if let number = goalNumbers[goal] { return number }
    let number = Int32(goals.count)
    goals.append(goal)
    goalNumbers[goal] = number
    return number
  }

  private mutating func state(_ places: Set<Int32>) -> State {
    guard !places.isEmpty else { return Self.dead }
    let key = places.sorted()
    if let number = stateNumbers[key] { return number }
    guard stateGoals.count < Self.stateCountMax else { return Self.dead }
    let number = State(stateGoals.count)
    stateGoals.append(key)
    stateNumbers[key] = number
    transitions += [State](repeating: Self.unknown, count: 256)
    return number
  }
}
