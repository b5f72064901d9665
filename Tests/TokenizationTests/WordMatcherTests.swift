import TestSupport
import Testing

@testable import Tokenization  // A splitter does not say which of its two ways it takes.

struct WordMatcherTests {
  private static let expressions = [
    PreTokenizer.byteLevelExpression,
    WordMatcher.wordsStart + #"\p{N}"# + WordMatcher.wordsEnd,
    WordMatcher.wordsStart + #"\p{N}{1,3}"# + WordMatcher.wordsEnd,
    PreTokenizer.digitsExpression,
  ]

  /// The pieces of `text` by the expression itself.
  private func pieces(_ text: [UInt8], _ pattern: Pattern) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var end = 0
    text.withUnsafeBufferPointer { text in
      pattern.forEachMatch(in: text, scratch: Pattern.Scratch()) { match in
        if end < match.lowerBound { pieces.append(end..<match.lowerBound) }
        pieces.append(match)
        end = match.upperBound
      }
    }
    if end < text.count { pieces.append(end..<text.count) }
    return pieces
  }

  private func check(_ text: String, _ matcher: WordMatcher, _ pattern: Pattern, _ title: String) {
    let bytes = Array(text.utf8)
    var found: [Range<Int>] = []
    bytes.withUnsafeBufferPointer { matcher.split(0..<bytes.count, of: $0, into: &found) }
    #expect(found == pieces(bytes, pattern), "\(title)")
  }

  @Test(arguments: expressions)
  func `every rule cuts as its expression does`(expression: String) throws {
    let parts = [
      " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'S", "'ll", "'Re", "'ſ", "'l", "a", "Bc", "é", "ß",
      "東", "1", "22", "333", "४", "½", ".", "--", "!?", "😀", "\u{301}", "\u{85}", "\u{A0}",
      "\u{3000}", "\u{180E}", "\u{200B}", "_", "\u{0}", "\u{2028}", "\u{10FFFF}", "\u{11DE3}",
      "\u{31350}",
    ]
    let matcher = try #require(WordMatcher(expression: expression))
    let pattern = try Pattern(expression)
    for seed in UInt64(1)...150 {
      var random = SplitMix64(seed: seed)
      let text = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        parts.randomElement(using: &random) ?? ""
      }.joined()
      check(text, matcher, pattern, "seed \(seed): \(text.debugDescription)")
      check(SampleText.random(length: 60, using: &random), matcher, pattern, "seed \(seed)")
    }
  }

  @Test func `other expressions are left to PCRE2`() {
    #expect(WordMatcher(expression: #"\p{L}+"#) == nil)
  }
}
