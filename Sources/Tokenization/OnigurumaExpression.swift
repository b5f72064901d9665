/// Expressions as tokenizer files write them, for Oniguruma, put into PCRE2's words.
///
/// The two agree on most of the syntax. Where they mean different things by the same sign, the
/// sign is replaced (`\s`, `\w`, scripts, lines); what has no counterpart is refused.
struct OnigurumaExpression {
  private let source: [Unicode.Scalar]
  private var place = 0
  private var result = ""

  /// White_Space. PCRE2's own also holds U+180E, white space until Unicode 6.3.
  private static let space = #"\t-\r\x{85}\p{Z}"#
  private static let circledLetters =
    #"\x{24B6}-\x{24E9}\x{1F130}-\x{1F149}\x{1F150}-\x{1F169}\x{1F170}-\x{1F189}"#
  /// Oniguruma also takes the superscripts and fractions of Latin-1 for parts of words.
  private static let word =
    #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\xB2\xB3\xB9\xBC-\xBE"# + circledLetters
    + LaterUnicode.members("L") + LaterUnicode.members("M") + LaterUnicode.members("Nd")
  /// The members of a class that are parts of words for Rust's expressions.
  static let rustWord = #"\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{200C}\x{200D}"# + circledLetters

  private static let categories: Set = [
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc",
    "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C",
    "Cc", "Cf", "Co", "Cn",
  ]

  /// `expression` for PCRE2.
  static func translated(_ expression: String) throws(TokenizerError) -> String {
    var expression = OnigurumaExpression(source: Array(expression.unicodeScalars))
    try expression.translate()
    return expression.result
  }

  private init(source: [Unicode.Scalar]) { self.source = source }

  private func here(_ offset: Int = 0) -> Unicode.Scalar? {
    place + offset < source.count ? source[place + offset] : nil
  }

  private func unsupported(_ construct: String) -> TokenizerError {
    .unsupported(feature: "\(construct) in the expression at character \(place)")
  }

  private mutating func copy(_ count: Int = 1) {
    for _ in 0..<count where place < source.count {
      result.unicodeScalars.append(source[place])
      place += 1
    }
  }

  private mutating func translate() throws(TokenizerError) {
    while let scalar = here() {
      switch scalar {
      case "\\": try escape(insideClass: false)
      case "[": try characterClass()
      case "(": try group()
      case "^", "$":
        // Oniguruma's anchors are those of lines.
        result += "(?m:\(scalar))"
        place += 1
      case "{": try interval()
      default: copy()
      }
    }
  }

  private static let groups = ["?:", "?=", "?!", "?<=", "?<!", "?>", "?i:", "?i)", "?-i:"]

  private mutating func group() throws(TokenizerError) {
    guard here(1) == "?" else { return copy() }
    for start in Self.groups {
      let scalars = Array(start.unicodeScalars)
      if source[(place + 1)...].starts(with: scalars) { return copy(1 + scalars.count) }
    }
    throw unsupported("a group with (?\(here(2).map { String($0) } ?? "")")
  }

  /// `{2,3}`; what is no interval is literal for both.
  private mutating func interval() throws(TokenizerError) {
    var end = place + 1
    while end < source.count, ("0"..."9").contains(source[end]) || source[end] == "," { end += 1 }
    guard end < source.count, source[end] == "}", end > place + 1 else {
      result += "\\{"
      place += 1
      return
    }
    let next = end + 1 < source.count ? source[end + 1] : nil
    // `{2}+` repeats in Oniguruma and is possessive in PCRE2; `{2}?` is optional there, lazy here.
    if next == "+" { throw unsupported("{…}+") }
    if next == "?", !source[place..<end].contains(",") { throw unsupported("{n}?") }
    if here(1) == "," {
      result += "{0"
      place += 1
    }
    copy(end + 1 - place)
  }

  private mutating func characterClass() throws(TokenizerError) {
    copy()
    if here() == "^" { copy() }
    if here() == "]" { throw unsupported("] at the start of a class") }
    while let scalar = here() {
      switch scalar {
      case "]": return copy()
      case "[": throw unsupported("[ in a class")
      case "&" where here(1) == "&": throw unsupported("&& in a class")
      case "\\": try escape(insideClass: true)
      default: copy()
      }
    }
    throw .pattern(offset: source.count, reason: "missing terminating ] for character class")
  }

  private mutating func escape(insideClass: Bool) throws(TokenizerError) {
    guard let scalar = here(1) else {
      throw .pattern(offset: source.count, reason: "\\ at end of pattern")
    }
    func members(_ members: String, negated: Bool) throws(TokenizerError) -> String {
      if !insideClass { return negated ? "[^\(members)]" : "[\(members)]" }
      if negated { throw unsupported("\\\(scalar) in a class") }
      return members
    }
    let replacement: String
    switch scalar {
    case "s": replacement = try members(Self.space, negated: false)
    // In a class the complement has no list; only U+180E is between the two.
    case "S": replacement = insideClass ? #"\S\x{180E}"# : "[^\(Self.space)]"
    case "d", "D":
      replacement = try members(
        #"\p{Nd}"# + LaterUnicode.members("Nd"), negated: scalar == "D")
    case "w": replacement = try members(Self.word, negated: false)
    case "W": replacement = try members(Self.word, negated: true)
    case "h": replacement = try members("0-9a-fA-F", negated: false)
    case "v": replacement = #"\x{0B}"#
    case "b" where !insideClass, "B" where !insideClass:
      let (after, before) = ("(?<=[\(Self.word)])", "(?=[\(Self.word)])")
      let (notAfter, notBefore) = ("(?<![\(Self.word)])", "(?![\(Self.word)])")
      replacement =
        scalar == "b"
        ? "(?:\(after)\(notBefore)|\(notAfter)\(before))"
        : "(?:\(after)\(before)|\(notAfter)\(notBefore))"
    case "p", "P": return try property(isNegated: scalar == "P", insideClass: insideClass)
    case "u":
      guard place + 6 <= source.count else { throw unsupported("\\u") }
      var digits = ""
      digits.unicodeScalars.append(contentsOf: source[place + 2..<place + 6])
      guard digits.allSatisfy(\.isHexDigit) else { throw unsupported("\\u") }
      result += "\\x{\(digits)}"
      place += 6
      return
    case "r", "n", "t", "f", "e", "a", "x": return copy(2)
    case "A" where !insideClass, "z" where !insideClass, "Z" where !insideClass: return copy(2)
    case "a"..."z", "A"..."Z", "0"..."9": throw unsupported("\\\(scalar)")
    default: return copy(2)
    }
    result += replacement
    place += 2
  }

  private mutating func property(
    isNegated: Bool, insideClass: Bool
  ) throws(TokenizerError) {
    guard here(2) == "{", let end = source[place...].firstIndex(of: "}") else {
      throw unsupported("\\p without {")
    }
    var name = ""
    name.unicodeScalars.append(contentsOf: source[place + 3..<end])
    var isNegated = isNegated
    if name.hasPrefix("^") {
      isNegated.toggle()
      name.removeFirst()
    }
    // PCRE2 takes a bare script for its extensions, too.
    let isScript = LaterUnicode.scripts.contains(name)
    guard isScript || Self.categories.contains(name) else { throw unsupported("\\p{\(name)}") }
    let property = "{\(isScript ? "sc:" : "")\(name)}"
    let later = LaterUnicode.members(name)
    if later.isEmpty {
      result += (isNegated ? "\\P" : "\\p") + property
    } else if !insideClass {
      result += (isNegated ? "[^\\p" : "[\\p") + property + later + "]"
    } else if isNegated {
      throw unsupported("\\P{\(name)} in a class")
    } else {
      result += "\\p" + property + later
    }
    place = end + 1
  }
}
