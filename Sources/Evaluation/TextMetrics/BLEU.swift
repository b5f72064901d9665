internal import Foundation

/// BLEU of a corpus, 0 to 100: the geometric mean of the shares of right words, pairs, triples and
/// quadruples, times a penalty for answers that are too short.
///
/// Equal to `sacrebleu` with its defaults (13a words, case kept, exponential smoothing).
///
/// Sources: Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation",
/// equations 1 to 3; Post 2018, "A call for clarity in reporting BLEU scores"; smoothing is method 3
/// of Chen and Cherry 2014.
package struct BLEU: Sendable {
  /// The longest run of words that counts.
  static let longest = 4

  /// What one answer adds to the sums.
  struct Segment: Sendable {
    var answerLength = 0
    var referenceLength = 0
    /// `[longest]`: runs of 1 to 4 words of the answer that a reference has, too.
    var matches = [Int](repeating: 0, count: longest)
    /// `[longest]`: runs of 1 to 4 words of the answer.
    var runs = [Int](repeating: 0, count: longest)
  }

  private var segments: [Segment] = []

  package init() {}

  /// Answers that were added.
  package var count: Int { segments.count }

  /// Adds one answer.
  ///
  /// - Parameter references: one or more right answers; a run of words counts as often as the
  ///   reference that has it most.
  package mutating func add(_ answer: String, references: [String]) {
    precondition(!references.isEmpty, "an answer is compared with at least one reference")
    var numbering = WordNumbering<[Unicode.Scalar]>()
    let words = numbering.numbers(words13a(answer))
    var segment = Segment()
    segment.answerLength = words.count
    var allowed: [WordRun: Int] = [:]
    var lengths: [Int] = []
    for reference in references {
      let theirs = numbering.numbers(words13a(reference))
      lengths.append(theirs.count)
      allowed.merge(WordRun.counts(theirs, upTo: Self.longest), uniquingKeysWith: max)
    }
    segment.referenceLength =
      lengths.min { (abs($0 - words.count), $0) < (abs($1 - words.count), $1) } ?? 0
    for (run, count) in WordRun.counts(words, upTo: Self.longest) {
      segment.runs[run.length - 1] += count
      segment.matches[run.length - 1] += min(count, allowed[run] ?? 0)
    }
    segments.append(segment)
  }

  /// BLEU of everything added, 0 to 100; nil when nothing was.
  package var score: Double? {
    segments.isEmpty ? nil : score(of: segments.indices)
  }

  /// BLEU of the answers at `places`, which may repeat: what a bootstrap draws.
  package func score(of places: some Collection<Int>) -> Double {
    var sum = Segment()
    for place in places {
      let segment = segments[place]
      sum.answerLength += segment.answerLength
      sum.referenceLength += segment.referenceLength
      for order in 0..<Self.longest {
        sum.matches[order] += segment.matches[order]
        sum.runs[order] += segment.runs[order]
      }
    }
    return Self.score(sum)
  }

  private static func score(_ sum: Segment) -> Double {
    // An order without a single run makes the geometric mean 0.
    guard sum.matches.contains(where: { $0 > 0 }), !sum.runs.contains(0) else { return 0 }
    var misses = 0.0
    var logarithms = 0.0
    for order in 0..<longest {
      var matches = Double(sum.matches[order])
      if matches == 0 {
        // Each further order without a match counts as half a match of the one before.
        misses += 1
        matches = exp2(-misses)
      }
      logarithms += log(matches / Double(sum.runs[order]))
    }
    let isShort = sum.answerLength < sum.referenceLength
    let brevity = isShort ? 1 - Double(sum.referenceLength) / Double(sum.answerLength) : 0
    return 100 * exp(brevity + logarithms / Double(longest))
  }
}

/// A run of one to four words, by their numbers.
private struct WordRun: Hashable {
  let length: Int
  let words: SIMD4<Int32>

  static func counts(_ words: [Int32], upTo longest: Int) -> [WordRun: Int] {
    var counts: [WordRun: Int] = [:]
    for start in words.indices {
      var run = SIMD4<Int32>(repeating: -1)
      for length in 1...longest where start + length <= words.count {
        run[length - 1] = words[start + length - 1]
        counts[WordRun(length: length, words: run), default: 0] += 1
      }
    }
    return counts
  }
}
