// How the metrics of the field cut text into words. Each is a part of its metric: another cut gives
// another score.

/// Words as `mteval-v13a` cuts them: at white space, and around punctuation of ASCII, except that a
/// period or comma between digits stays.
func words13a(_ text: String) -> [[Unicode.Scalar]] {
  var scalars = Array(text.unicodeScalars)
  while let last = scalars.last, last.isPythonSpace { scalars.removeLast() }
  var line = String(String.UnicodeScalarView(scalars))
  for (mark, plain) in [
    ("<skipped>", ""), ("-\n", ""), ("\n", " "),
    ("&quot;", "\""), ("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"),
  ] {
    line = replacing(mark, with: plain, in: line)
  }
  scalars = [" "] + Array(line.unicodeScalars) + [" "]
  scalars = scalars.flatMap { $0.isMark13a ? [" ", $0, " "] : [$0] }
  scalars = eachPair(scalars) { !$0.isDigit && $1.isStop ? [$0, " ", $1, " "] : nil }
  scalars = eachPair(scalars) { $0.isStop && !$1.isDigit ? [" ", $0, " ", $1] : nil }
  scalars = eachPair(scalars) { $0.isDigit && $1 == "-" ? [$0, " ", $1, " "] : nil }
  return scalars.split(whereSeparator: \.isPythonSpace).map(Array.init)
}

/// Words as `rouge-score` cuts them: runs of a to z and 0 to 9 of the text in lower case.
func wordsROUGE(_ text: String) -> [[UInt8]] {
  var words: [[UInt8]] = [[]]
  for scalar in text.unicodeScalars {
    // A capital letter may become several scalars, and one outside ASCII may become an "i" or "k".
    for byte in scalar.properties.lowercaseMapping.utf8 {
      if (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) {
        words[words.count - 1].append(byte)
      } else if words.last?.isEmpty == false {
        words.append([])
      }
    }
  }
  if words.last?.isEmpty == true { words.removeLast() }
  return words
}

/// Gives equal words equal numbers, so that comparing them is comparing integers.
struct WordNumbering<Word: Hashable> {
  private var known: [Word: Int32] = [:]

  mutating func numbers(_ words: [Word]) -> [Int32] {
    words.map { word in
      if let number = known[word] { return number }
      let number = Int32(known.count)
      known[word] = number
      return number
    }
  }
}

/// Rewrites pairs of neighbours from left to right; a pair that was rewritten is not looked at
/// again, as a regular expression's substitution would not.
private func eachPair(
  _ scalars: [Unicode.Scalar],
  rewrite: (Unicode.Scalar, Unicode.Scalar) -> [Unicode.Scalar]?
) -> [Unicode.Scalar] {
  var result: [Unicode.Scalar] = []
  result.reserveCapacity(scalars.count * 2)
  var place = 0
  while place < scalars.count {
    if place + 1 < scalars.count, let pair = rewrite(scalars[place], scalars[place + 1]) {
      result += pair
      place += 2
    } else {
      result.append(scalars[place])
      place += 1
    }
  }
  return result
}

/// `line` with every `mark`, byte by byte, replaced. (Foundation's would compare characters, for
/// which "&" and a combining accent are one.)
private func replacing(_ mark: String, with plain: String, in line: String) -> String {
  let bytes = Array(line.utf8)
  let wanted = Array(mark.utf8)
  var result: [UInt8] = []
  result.reserveCapacity(bytes.count)
  var place = 0
  while place < bytes.count {
    if bytes[place...].starts(with: wanted) {
      result += Array(plain.utf8)
      place += wanted.count
    } else {
      result.append(bytes[place])
      place += 1
    }
  }
  return String(decoding: result, as: UTF8.self)
}

extension Unicode.Scalar {
  fileprivate var isDigit: Bool { ("0"..."9").contains(self) }

  fileprivate var isStop: Bool { self == "." || self == "," }

  /// Punctuation and symbols of ASCII but `'`, `,`, `-` and `.`; the space belongs to them.
  fileprivate var isMark13a: Bool {
    switch self {
    case " "..."&", "("..."+", "/", ":"..."@", "["..."`", "{"..."~": true
    default: false
    }
  }

  /// White space as Python's `str.split()` has it: Unicode's, and four separators of ASCII.
  fileprivate var isPythonSpace: Bool {
    properties.isWhitespace || (0x1C...0x1F).contains(value)
  }
}
