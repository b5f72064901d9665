/// Cuts a template into tokens as transformers sets Jinja up: `trim_blocks` drops the newline after
/// a block, `lstrip_blocks` the blanks before one, and the file's last newline does not count.
struct JinjaLexer {
  private let source: [Unicode.Scalar]
  private var place = 0
  private var line = 1
  private var tokens: [JinjaPlacedToken] = []

  /// All tokens of `source`.
  static func tokens(of source: String) throws(ChatTemplateError) -> [JinjaPlacedToken] {
    var lexer = JinjaLexer(source)
    try lexer.run()
    return lexer.tokens
  }

  private init(_ source: String) {
    var scalars: [Unicode.Scalar] = []
    for scalar in source.unicodeScalars {
      if scalar == "\n", scalars.last == "\r" { scalars.removeLast() }
      scalars.append(scalar)
    }
    for index in scalars.indices where scalars[index] == "\r" { scalars[index] = "\n" }
    if scalars.last == "\n" { scalars.removeLast() }
    self.source = scalars
  }

  private func here(_ offset: Int = 0) -> Unicode.Scalar? {
    place + offset < source.count ? source[place + offset] : nil
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where place < source.count {
      if source[place] == "\n" { line += 1 }
      place += 1
    }
  }

  private mutating func skipSpaces() {
    while let scalar = here(), PythonText.isSpace(scalar) { advance() }
  }

  private mutating func add(_ token: JinjaToken, line: Int) {
    tokens.append(JinjaPlacedToken(token: token, line: line))
  }

  private mutating func run() throws(ChatTemplateError) {
    var start = place
    var startLine = line
    // Whether the text that begins at `start` begins a line, too.
    var startsLine = true
    while place < source.count {
      guard here() == "{", let kind = here(1), kind == "{" || kind == "%" || kind == "#" else {
        advance()
        continue
      }
      let sign = here(2)
      var end = place
      if sign == "-" {
        while end > start, PythonText.isSpace(source[end - 1]) { end -= 1 }
      } else if sign != "+", kind != "{" {
        var lineStart = end
        while lineStart > start, source[lineStart - 1] != "\n" { lineStart -= 1 }
        let isWhole = lineStart > start || startsLine
        if isWhole, source[lineStart..<end].allSatisfy(PythonText.isSpace) { end = lineStart }
      }
      addText(start..<end, line: startLine)
      let tagLine = line
      advance(sign == "-" || sign == "+" ? 3 : 2)
      switch kind {
      case "#": try comment(line: tagLine)
      case "{":
        add(.variableBegin, line: tagLine)
        try expression(closing: "}", line: tagLine)
        add(.variableEnd, line: line)
      default:
        add(.blockBegin, line: tagLine)
        try expression(closing: "%", line: tagLine)
        add(.blockEnd, line: line)
      }
      start = place
      startLine = line
      startsLine = place > 0 && source[place - 1] == "\n"
    }
    addText(start..<source.count, line: startLine)
  }

  private mutating func addText(_ range: Range<Int>, line: Int) {
    guard !range.isEmpty else { return }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: source[range])
    add(.text(String(view)), line: line)
  }

  private mutating func comment(line: Int) throws(ChatTemplateError) {
    while place < source.count {
      if here() == "#", here(1) == "}" {
        let before = source[place - 1]
        advance(2)
        afterTag(before)
        return
      }
      advance()
    }
    throw .syntax(line: line, expected: "the end of a comment")
  }

  /// White space after a block or comment, as the sign before its end says.
  private mutating func afterTag(_ sign: Unicode.Scalar) {
    if sign == "-" {
      skipSpaces()
    } else if sign != "+", here() == "\n" {
      advance()
    }
  }

  /// The signs up to and with the end of the tag.
  private mutating func expression(
    closing: Unicode.Scalar, line startLine: Int
  ) throws(ChatTemplateError) {
    var open: [Unicode.Scalar] = []
    while true {
      skipSpaces()
      guard let scalar = here() else {
        throw .syntax(line: startLine, expected: "\(closing)}")
      }
      if open.isEmpty {
        let hasSign = scalar == "-" || (scalar == "+" && closing == "%")
        let offset = hasSign ? 1 : 0
        if here(offset) == closing, here(offset + 1) == "}" {
          advance(offset + 2)
          if closing == "%" {
            afterTag(scalar)
          } else if hasSign {
            skipSpaces()
          }
          return
        }
      }
      let tokenLine = line
      switch scalar {
      case "'", "\"": add(.string(try string(quote: scalar)), line: tokenLine)
      case "0"..."9": add(try number(), line: tokenLine)
      case _ where Self.isNamePart(scalar):
        var name = String.UnicodeScalarView()
        while let scalar = here(), Self.isNamePart(scalar) {
          name.append(scalar)
          advance()
        }
        add(.name(String(name)), line: tokenLine)
      default: try sign(scalar, &open)
      }
    }
  }

  private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isXIDContinue
  }

  private static let longSigns = ["//", "**", "==", "!=", ">=", "<="]

  private mutating func sign(
    _ scalar: Unicode.Scalar, _ open: inout [Unicode.Scalar]
  ) throws(ChatTemplateError) {
    let startLine = line
    if let next = here(1), Self.longSigns.contains("\(scalar)\(next)") {
      advance(2)
      add(.sign("\(scalar)\(next)"), line: startLine)
      return
    }
    switch scalar {
    case "(": open.append(")")
    case "[": open.append("]")
    case "{": open.append("}")
    case ")", "]", "}":
      guard open.popLast() == scalar else {
        throw .syntax(line: line, expected: "no \(scalar) here")
      }
    case "+", "-", "*", "/", "%", "~", "<", ">", "=", ".", ":", "|", ",": break
    default: throw .syntax(line: line, expected: "no \(PythonText.repr(String(scalar))) here")
    }
    advance()
    add(.sign(String(scalar)), line: startLine)
  }

  private mutating func number() throws(ChatTemplateError) -> JinjaToken {
    var text = ""
    func isDigit(_ scalar: Unicode.Scalar?) -> Bool {
      scalar.map { ("0"..."9").contains($0) } ?? false
    }
    while let scalar = here(), isDigit(scalar) || (scalar == "_" && isDigit(here(1))) {
      if scalar != "_" { text.unicodeScalars.append(scalar) }
      advance()
    }
    var isDouble = false
    if here() == ".", isDigit(here(1)) {
      isDouble = true
      repeat {
        text.unicodeScalars.append(here() ?? "0")
        advance()
      } while isDigit(here())
    }
    if here() == "e" || here() == "E", isDigit(here(1)) || isDigit(here(2)) {
      isDouble = true
      text += "e"
      advance()
      while let scalar = here(), isDigit(scalar) || scalar == "-" || scalar == "+" {
        text.unicodeScalars.append(scalar)
        advance()
      }
    }
    if isDouble, let value = Double(text) { return .double(value) }
    if let scalar = here(), Self.isNamePart(scalar) {
      throw .unsupported(construct: "number \(text)\(scalar)", line: line)
    }
    guard !isDouble, let value = Int(text) else {
      throw .unsupported(construct: "number \(text)", line: line)
    }
    return .int(value)
  }

  private mutating func string(
    quote: Unicode.Scalar
  ) throws(ChatTemplateError) -> String {
    let startLine = line
    advance()
    var text = String.UnicodeScalarView()
    while let scalar = here() {
      advance()
      if scalar == quote { return String(text) }
      if scalar == "\\" { try escape(into: &text) } else { text.append(scalar) }
    }
    throw .syntax(line: startLine, expected: "the end of a string")
  }

  /// Python's escapes; an unknown one stands for itself.
  private mutating func escape(into text: inout String.UnicodeScalarView) throws(ChatTemplateError)
  {
    guard let scalar = here() else { throw .syntax(line: line, expected: "the end of a string") }
    advance()
    switch scalar {
    case "\n": break
    case "\\", "'", "\"": text.append(scalar)
    case "n": text.append("\n")
    case "t": text.append("\t")
    case "r": text.append("\r")
    case "a": text.append("\u{7}")
    case "b": text.append("\u{8}")
    case "f": text.append("\u{C}")
    case "v": text.append("\u{B}")
    case "x": text.append(try hexadecimal(2))
    case "u": text.append(try hexadecimal(4))
    case "U": text.append(try hexadecimal(8))
    case "N": throw .unsupported(construct: "\\N in a string", line: line)
    case "0"..."7":
      var value = scalar.value - 0x30
      var count = 1
      while count < 3, let digit = here(), ("0"..."7").contains(digit) {
        value = value * 8 + digit.value - 0x30
        count += 1
        advance()
      }
      text.append(Unicode.Scalar(value) ?? "\u{FFFD}")
    default:
      text.append("\\")
      text.append(scalar)
    }
  }

  private mutating func hexadecimal(_ count: Int) throws(ChatTemplateError) -> Unicode.Scalar {
    var value: UInt32 = 0
    for _ in 0..<count {
      guard let scalar = here(), let digit = Character(scalar).hexDigitValue, value < 1 << 28 else {
        throw .syntax(line: line, expected: "\(count) hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      advance()
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw .unsupported(construct: "a lone surrogate in a string", line: line)
    }
    return scalar
  }
}
