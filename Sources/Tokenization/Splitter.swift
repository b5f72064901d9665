/// Cuts a piece of text at the matches of an expression.
struct Splitter: Sendable {
  /// What becomes of the text that a pattern matches.
  enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  private let pattern: Pattern
  /// The same without the pattern, for the best-known expressions.
  private let words: WordMatcher?
  private let behavior: Behavior
  /// Cuts out what the pattern does not match instead.
  private let isInverted: Bool

  init(
    _ expression: String, _ behavior: Behavior, isInverted: Bool
  ) throws(TokenizerError) {
    self.pattern = try Pattern(expression)
    self.words = behavior == .isolated && !isInverted ? WordMatcher(expression: expression) : nil
    self.behavior = behavior
    self.isInverted = isInverted
  }

  /// The piece `piece` of `text` cut up, appended to `pieces`.
  func split(
    _ piece: Range<Int>, of text: UnsafeBufferPointer<UInt8>, scratch: Pattern.Scratch,
    into pieces: inout [Range<Int>]
  ) {
    if let words { return words.split(piece, of: text, into: &pieces) }
    let part = UnsafeBufferPointer(rebasing: text[piece])
    var end = piece.lowerBound
    var joiner = Joiner(behavior: behavior, firstIndex: pieces.count)
    pattern.forEachMatch(in: part, scratch: scratch) { match in
      let range = match.lowerBound + piece.lowerBound..<match.upperBound + piece.lowerBound
      if end < range.lowerBound {
        joiner.append(end..<range.lowerBound, isCut: isInverted, to: &pieces)
      }
      joiner.append(range, isCut: !isInverted, to: &pieces)
      end = range.upperBound
    }
    if end < piece.upperBound {
      joiner.append(end..<piece.upperBound, isCut: isInverted, to: &pieces)
    }
  }

  /// Joins cut and uncut parts as the behaviour says.
  private struct Joiner {
    let behavior: Behavior
    let firstIndex: Int
    private var previousWasCut = false

    init(behavior: Behavior, firstIndex: Int) {
      self.behavior = behavior
      self.firstIndex = firstIndex
    }

    mutating func append(_ range: Range<Int>, isCut: Bool, to pieces: inout [Range<Int>]) {
      defer { previousWasCut = isCut }
      let hasPrevious = pieces.count > firstIndex
      let joins =
        switch behavior {
        case .isolated, .removed: false
        case .contiguous: hasPrevious && isCut == previousWasCut
        case .mergedWithPrevious: hasPrevious && isCut && !previousWasCut
        case .mergedWithNext: hasPrevious && previousWasCut && !isCut
        }
      if joins {
        pieces[pieces.count - 1] = pieces[pieces.count - 1].lowerBound..<range.upperBound
      } else if behavior != .removed || !isCut {
        pieces.append(range)
      }
    }
  }
}
