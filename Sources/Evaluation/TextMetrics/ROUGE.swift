/// How much of a reference summary an answer has, and how much of the answer is in it.
///
/// Equal to the Python package `rouge-score` without its stemmer: words in lower case, runs of
/// letters and digits of ASCII.
///
/// Source: Lin 2004, "ROUGE: a package for automatic evaluation of summaries".
package struct ROUGE: Codable, Equatable, Sendable {
  /// What of two texts is compared.
  package enum Variant: String, CaseIterable, Codable, Sendable {
    /// Words; section 2.
    case rouge1
    /// Pairs of neighbouring words; section 2.
    case rouge2
    /// The longest common subsequence of words; section 3.1.
    case rougeL
    /// The same line by line, united over the answer's lines; section 3.2.
    case rougeLsum
  }

  /// Share of the answer that the reference has, 0 to 1.
  package var precision: Double
  /// Share of the reference that the answer has, 0 to 1.
  package var recall: Double

  /// Harmonic mean of precision and recall, 0 to 1: the figure that papers print.
  package var fMeasure: Double {
    precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
  }

  /// Compares `answer` with the one of `references` that fits best; all 0 when either has no word.
  package init(_ variant: Variant, answer: String, references: [String]) {
    let scores = references.map { ROUGE(variant, answer: answer, reference: $0) }
    self =
      scores.reduce(nil as ROUGE?) { best, score in
        guard let best, best.fMeasure >= score.fMeasure else { return score }
        return best
      } ?? ROUGE(matches: 0, answerCount: 0, referenceCount: 0)
  }

  private init(matches: Int, answerCount: Int, referenceCount: Int) {
    precision = Double(matches) / Double(max(answerCount, 1))
    recall = Double(matches) / Double(max(referenceCount, 1))
  }

  private init(_ variant: Variant, answer: String, reference: String) {
    var numbering = WordNumbering<[UInt8]>()
    switch variant {
    case .rouge1, .rouge2:
      let length = variant == .rouge1 ? 1 : 2
      let answerRuns = runs(of: length, in: numbering.numbers(wordsROUGE(answer)))
      let referenceRuns = runs(of: length, in: numbering.numbers(wordsROUGE(reference)))
      self.init(
        matches: referenceRuns.reduce(0) { $0 + min($1.value, answerRuns[$1.key] ?? 0) },
        answerCount: answerRuns.values.reduce(0, +),
        referenceCount: referenceRuns.values.reduce(0, +))
    case .rougeL:
      let answer = numbering.numbers(wordsROUGE(answer))
      let reference = numbering.numbers(wordsROUGE(reference))
      self.init(
        matches: commonSubsequence(reference, answer).count, answerCount: answer.count,
        referenceCount: reference.count)
    case .rougeLsum:
      // By bytes: for Swift "\r\n" is one character, and no line feed.
      let lines = { (text: String) in
        text.utf8.split(separator: 0x0A).map { wordsROUGE(String(Substring($0))) }
      }
      self.init(
        answerLines: lines(answer).map { numbering.numbers($0) },
        referenceLines: lines(reference).map { numbering.numbers($0) })
    }
  }

  private init(answerLines: [[Int32]], referenceLines: [[Int32]]) {
    func counts(_ lines: [[Int32]]) -> [Int32: Int] {
      lines.joined().reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
    var answerLeft = counts(answerLines)
    var referenceLeft = counts(referenceLines)
    var matches = 0
    for line in referenceLines {
      let united = answerLines.reduce(into: Set<Int>()) { union, answer in
        union.formUnion(commonSubsequence(line, answer))
      }
      // A word that several lines share is counted once for each time that both texts have it.
      for place in united.sorted() {
        let word = line[place]
        guard let inAnswer = answerLeft[word], inAnswer > 0,
          let inReference = referenceLeft[word], inReference > 0
        else { continue }
        matches += 1
        answerLeft[word] = inAnswer - 1
        referenceLeft[word] = inReference - 1
      }
    }
    self.init(
      matches: matches, answerCount: answerLines.reduce(0) { $0 + $1.count },
      referenceCount: referenceLines.reduce(0) { $0 + $1.count })
  }
}

private func runs(of length: Int, in words: [Int32]) -> [ArraySlice<Int32>: Int] {
  guard words.count >= length else { return [:] }
  return (0...words.count - length).reduce(into: [:]) {
    $0[words[$1..<$1 + length], default: 0] += 1
  }
}

/// The places in `reference` of one of the longest subsequences that both have, ascending. Among
/// equally long ones it is the one that `rouge-score` finds, on which ROUGE-Lsum depends.
private func commonSubsequence(_ reference: [Int32], _ answer: [Int32]) -> [Int] {
  let width = answer.count + 1
  // [reference + 1, answer + 1]: the longest of what comes before both.
  var longest = [Int32](repeating: 0, count: (reference.count + 1) * width)
  for (row, word) in reference.enumerated() {
    for (column, other) in answer.enumerated() {
      let place = (row + 1) * width + column + 1
      longest[place] =
        word == other
        ? longest[place - width - 1] + 1 : max(longest[place - width], longest[place - 1])
    }
  }
  var places: [Int] = []
  var row = reference.count
  var column = answer.count
  while row > 0, column > 0 {
    let place = row * width + column
    if reference[row - 1] == answer[column - 1] {
      places.append(row - 1)
      row -= 1
      column -= 1
    } else if longest[place - 1] > longest[place - width] {
      column -= 1
    } else {
      row -= 1
    }
  }
  return places.reversed()
}
