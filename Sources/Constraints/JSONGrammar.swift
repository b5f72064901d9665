/// The texts of JSON (RFC 8259) that an answer may be.
///
/// All of JSON but for three things. Between tokens there is nothing, one space, or a line break with
/// up to 20 spaces and tabs, so that a model cannot go on for ever without saying anything. Strings
/// are well-formed UTF-8 and hold no half of a surrogate pair. Numbers are such as a double can hold:
/// many readers refuse what is larger.
package struct JSONGrammar: Sendable {
  private(set) var grammar = ByteGrammar()
  private(set) var start: ByteGrammar.RuleID = 0
  var parts = JSONParts()

  /// Any object.
  package static let anyObject: JSONGrammar = {
    var json = JSONGrammar()
    json.begin(with: json.parts.object)
    return json
  }()

  /// The parts of JSON, but no start yet.
  init() { parts = JSONParts(&grammar) }

  /// Makes `rule` what a whole text is.
  mutating func begin(with rule: ByteGrammar.RuleID) {
    start = grammar.sequence(parts.space, rule)
  }

  /// Makes `rule` what a whole text is, with nothing before it.
  mutating func beginExactly(with rule: ByteGrammar.RuleID) { start = rule }

  /// Changes the rules.
  mutating func edit<Result, Failure: Error>(
    _ body: (inout ByteGrammar) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(&grammar)
  }
}

/// The rules that every grammar of JSON is made of.
struct JSONParts: Sendable {
  typealias RuleID = ByteGrammar.RuleID

  private(set) var space: RuleID = 0
  private(set) var string: RuleID = 0
  /// One character of a string, escaped or not.
  private(set) var character: RuleID = 0
  private(set) var integer: RuleID = 0
  private(set) var number: RuleID = 0
  private(set) var boolean: RuleID = 0
  private(set) var null: RuleID = 0
  private(set) var array: RuleID = 0
  private(set) var object: RuleID = 0
  private(set) var value: RuleID = 0
  private(set) var comma: RuleID = 0
  private(set) var colon: RuleID = 0

  init() {}

  init(_ grammar: inout ByteGrammar) {
    let indentation = grammar.add(
      .many(grammar.oneOf(0x20...0x20, 0x09...0x09), least: 0, most: 20))
    space = grammar.add(
      .choice([
        grammar.add(.sequence([])), grammar.text(" "),
        grammar.sequence(grammar.text("\n"), indentation),
      ]))
    character = Self.character(&grammar)
    string = grammar.sequence(
      grammar.text("\""), grammar.add(.many(character, least: 0, most: nil)), grammar.text("\""))
    addNumbers(&grammar)
    boolean = grammar.choice(grammar.text("true"), grammar.text("false"))
    null = grammar.text("null")
    comma = grammar.sequence(space, grammar.text(","), space)
    colon = grammar.sequence(space, grammar.text(":"), space)
    value = grammar.declare()
    array = list(of: value, counts: 0...Int.max, &grammar)
    object = map(to: value, &grammar)
    grammar.define(value, .choice([object, array, string, number, boolean, null]))
  }

  /// An array of `counts` elements of one kind.
  func list(
    of element: RuleID, counts: ClosedRange<Int>, _ grammar: inout ByteGrammar
  ) -> RuleID {
    let close = grammar.sequence(space, grammar.text("]"))
    let most = counts.upperBound == .max ? nil : counts.upperBound - 1
    let rest = grammar.add(
      .many(
        grammar.sequence(comma, element), least: max(0, counts.lowerBound - 1), most: most))
    let filled = grammar.sequence(element, rest)
    let content =
      counts.upperBound == 0
      ? grammar.add(.sequence([])) : counts.lowerBound == 0 ? grammar.optional(filled) : filled
    return grammar.add(.sequence([grammar.text("["), space, content, close]))
  }

  /// An object with any names.
  func map(to element: RuleID, _ grammar: inout ByteGrammar) -> RuleID {
    let member = grammar.sequence(string, colon, element)
    let rest = grammar.add(.many(grammar.sequence(comma, member), least: 0, most: nil))
    let content = grammar.optional(grammar.sequence(member, rest))
    return grammar.add(
      .sequence([grammar.text("{"), space, content, space, grammar.text("}")]))
  }

  private mutating func addNumbers(_ grammar: inout ByteGrammar) {
    let digit = grammar.oneOf(0x30...0x39)
    let minus = grammar.optional(grammar.text("-"))
    func whole(digits: Int) -> RuleID {
      grammar.choice(
        grammar.text("0"),
        grammar.sequence(
          grammar.oneOf(0x31...0x39), grammar.add(.many(digit, least: 0, most: digits - 1))))
    }
    let fraction = grammar.optional(
      grammar.sequence(grammar.text("."), grammar.add(.many(digit, least: 1, most: nil))))
    let sign = grammar.optional(grammar.choice(grammar.text("+"), grammar.text("-")))
    let power = grammar.choice(
      grammar.add(.many(digit, least: 1, most: 2)),
      grammar.sequence(grammar.text("1"), digit, digit),
      grammar.sequence(grammar.text("2"), grammar.oneOf(0x30...0x38), digit))
    let exponent = grammar.sequence(
      grammar.choice(grammar.text("e"), grammar.text("E")), sign, power)
    // Below 10^300, and below 10^17 * 10^290.
    integer = grammar.sequence(minus, whole(digits: 300))
    number = grammar.choice(
      grammar.sequence(integer, fraction),
      grammar.sequence(minus, whole(digits: 17), fraction, exponent))
  }

  private static func character(_ grammar: inout ByteGrammar) -> RuleID {
    let plain = grammar.oneOf(0x20...0x21, 0x23...0x5B, 0x5D...0x7F)
    // Well-formed UTF-8 (Unicode, table 3-7).
    let tail = grammar.oneOf(0x80...0xBF)
    let wide = grammar.choice(
      grammar.sequence(grammar.oneOf(0xC2...0xDF), tail),
      grammar.sequence(grammar.oneOf(0xE0...0xE0), grammar.oneOf(0xA0...0xBF), tail),
      grammar.sequence(grammar.oneOf(0xE1...0xEC, 0xEE...0xEF), tail, tail),
      grammar.sequence(grammar.oneOf(0xED...0xED), grammar.oneOf(0x80...0x9F), tail),
      grammar.sequence(grammar.oneOf(0xF0...0xF0), grammar.oneOf(0x90...0xBF), tail, tail),
      grammar.sequence(grammar.oneOf(0xF1...0xF3), tail, tail, tail),
      grammar.sequence(grammar.oneOf(0xF4...0xF4), grammar.oneOf(0x80...0x8F), tail, tail))
    let hex = grammar.oneOf(0x30...0x39, 0x41...0x46, 0x61...0x66)
    let d = grammar.choice(grammar.text("d"), grammar.text("D"))
    let unit = grammar.choice(
      grammar.sequence(
        grammar.oneOf(0x30...0x39, 0x41...0x43, 0x45...0x46, 0x61...0x63, 0x65...0x66), hex, hex,
        hex),
      grammar.sequence(d, grammar.oneOf(0x30...0x37), hex, hex),
      grammar.add(
        .sequence([
          d, grammar.oneOf(0x38...0x39, 0x41...0x42, 0x61...0x62), hex, hex,
          grammar.text("\\u"), d, grammar.oneOf(0x43...0x46, 0x63...0x66), hex, hex,
        ])))
    let short = grammar.add(.oneOf(ByteSet("\"\\/bfnrt".utf8.map { $0...$0 })))
    let escape = grammar.sequence(
      grammar.text("\\"), grammar.choice(short, grammar.sequence(grammar.text("u"), unit)))
    return grammar.choice(plain, wide, escape)
  }
}
