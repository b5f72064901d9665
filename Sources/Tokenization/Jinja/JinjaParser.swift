/// Reads a template's statements; its expressions are in `JinjaParser+Expressions`.
struct JinjaParser {
  private let tokens: [JinjaPlacedToken]
  private var place = 0
  private var depth = 0
  private var loopDepth = 0
  /// Statements and expressions inside each other. Each costs stack, of which a thread has 512 KiB.
  private static let depthMax = 40

  /// The statements of a template.
  static func statements(of source: String) throws(ChatTemplateError) -> [JinjaStatement] {
    var parser = JinjaParser(tokens: try JinjaLexer.tokens(of: source))
    return try parser.statements(until: [])
  }

  private init(tokens: [JinjaPlacedToken]) { self.tokens = tokens }

  var token: JinjaToken? { place < tokens.count ? tokens[place].token : nil }
  var nextToken: JinjaToken? { place + 1 < tokens.count ? tokens[place + 1].token : nil }
  var line: Int { place < tokens.count ? tokens[place].line : tokens.last?.line ?? 1 }

  mutating func advance() { place += 1 }

  mutating func skip(_ wanted: JinjaToken) -> Bool {
    guard token == wanted else { return false }
    place += 1
    return true
  }

  mutating func skip(sign: String) -> Bool { skip(.sign(sign)) }

  mutating func expect(_ wanted: JinjaToken) throws(ChatTemplateError) {
    guard skip(wanted) else { throw .syntax(line: line, expected: wanted.description) }
  }

  mutating func name() throws(ChatTemplateError) -> String {
    guard case .name(let name)? = token else { throw .syntax(line: line, expected: "a name") }
    place += 1
    return name
  }

  /// Runs `body` one level deeper.
  mutating func nested<Value>(
    _ body: (inout JinjaParser) throws(ChatTemplateError) -> Value
  ) throws(ChatTemplateError) -> Value {
    depth += 1
    guard depth <= Self.depthMax else {
      throw .limit(line: line, what: "\(Self.depthMax) levels of nesting")
    }
    let value = try body(&self)
    depth -= 1
    return value
  }

  private func unexpected(_ name: String) -> ChatTemplateError {
    .syntax(line: line, expected: "no \(name) here")
  }

  /// Statements up to a block that begins with one of `ends`, whose name is next then.
  private mutating func statements(
    until ends: Set<String>
  ) throws(ChatTemplateError) -> [JinjaStatement] {
    var result: [JinjaStatement] = []
    let startLine = line
    while let token {
      let line = line
      advance()
      switch token {
      case .text(let text): result.append(JinjaStatement(line: line, kind: .text(text)))
      case .variableBegin:
        result.append(JinjaStatement(line: line, kind: .output(try tupleOrExpression())))
        try expect(.variableEnd)
      default:
        guard case .name(let name)? = self.token else {
          throw .syntax(line: line, expected: "a statement")
        }
        if ends.contains(name) { return result }
        advance()
        let kind = try nested { (parser) throws(ChatTemplateError) in
          try parser.statement(name, line: line)
        }
        result.append(JinjaStatement(line: line, kind: kind))
      }
    }
    guard ends.isEmpty else {
      throw .syntax(line: startLine, expected: ends.sorted().joined(separator: " or "))
    }
    return result
  }

  private mutating func statement(
    _ name: String, line: Int
  ) throws(ChatTemplateError) -> JinjaStatement.Kind {
    switch name {
    case "if": return try branches()
    case "for": return try loop()
    case "set": return try assignment()
    case "macro": return try macro(line: line)
    case "filter":
      guard case .name? = token else { throw .syntax(line: line, expected: "a filter") }
      var filters = [try filter()]
      while skip(sign: "|") { filters.append(try filter()) }
      return .filterBlock(filters, body: try body(until: "endfilter"))
    case "generation":
      // transformers marks the assistant's text with it, and prints the body as it is.
      return .block(try body(until: "endgeneration"))
    case "break", "continue":
      guard loopDepth > 0 else { throw unexpected(name) }
      try expect(.blockEnd)
      return name == "break" ? .breakLoop : .continueLoop
    case "elif", "else", "endif", "endfor", "endset", "endmacro", "endfilter", "endgeneration":
      throw .syntax(line: line, expected: "no \(name) here")
    default: throw .unsupported(construct: "{% \(name) %}", line: line)
    }
  }

  /// `%}`, statements, and the block that ends them.
  private mutating func body(until end: String) throws(ChatTemplateError) -> [JinjaStatement] {
    try expect(.blockEnd)
    let body = try statements(until: [end])
    advance()
    try expect(.blockEnd)
    return body
  }

  private mutating func branches() throws(ChatTemplateError) -> JinjaStatement.Kind {
    var branches: [(condition: JinjaExpression?, body: [JinjaStatement])] = []
    var condition: JinjaExpression? = try tupleOrExpression()
    while true {
      try expect(.blockEnd)
      let ends: Set<String> = condition == nil ? ["endif"] : ["elif", "else", "endif"]
      branches.append((condition: condition, body: try statements(until: ends)))
      switch try name() {
      case "elif": condition = try tupleOrExpression()
      case "else": condition = nil
      default:
        try expect(.blockEnd)
        return .branches(branches)
      }
    }
  }

  private mutating func loop() throws(ChatTemplateError) -> JinjaStatement.Kind {
    let target = try target(orIn: true)
    try expect(.name("in"))
    let items = try tupleOrExpression(withConditional: false)
    let condition = skip(.name("if")) ? try expression() : nil
    if token == .name("recursive") {
      throw .unsupported(construct: "a recursive for", line: line)
    }
    try expect(.blockEnd)
    loopDepth += 1
    let body = try statements(until: ["else", "endfor"])
    loopDepth -= 1
    var otherwise: [JinjaStatement] = []
    if try name() == "else" {
      otherwise = try self.body(until: "endfor")
    } else {
      try expect(.blockEnd)
    }
    return .loop(
      JinjaLoopStatement(
        target: target, items: items, condition: condition, body: body, otherwise: otherwise))
  }

  private mutating func target(orIn: Bool) throws(ChatTemplateError) -> JinjaTarget {
    let isParenthesised = skip(sign: "(")
    var names = [try name()]
    if !orIn, !isParenthesised, skip(sign: ".") {
      return .attribute(namespace: names[0], name: try name())
    }
    var isTuple = false
    while skip(sign: ",") {
      isTuple = true
      guard case .name(let next)? = token, next != "in" else { break }
      names.append(try name())
    }
    if isParenthesised { try expect(.sign(")")) }
    for name in names where Self.reserved.contains(name) {
      throw .syntax(line: line, expected: "a name to assign to, not \(name)")
    }
    return isTuple ? .names(names) : .name(names[0])
  }

  private static let reserved: Set = ["true", "false", "none", "True", "False", "None", "loop"]

  private mutating func assignment() throws(ChatTemplateError) -> JinjaStatement.Kind {
    let target = try target(orIn: false)
    if skip(sign: "=") {
      let value = try tupleOrExpression()
      try expect(.blockEnd)
      return .set(target, value)
    }
    var filters: [JinjaPostfix] = []
    while skip(sign: "|") { filters.append(try filter()) }
    return .setBlock(target, filters: filters, body: try body(until: "endset"))
  }

  private mutating func macro(line: Int) throws(ChatTemplateError) -> JinjaStatement.Kind {
    let name = try name()
    try expect(.sign("("))
    var parameters: [(name: String, defaultValue: JinjaExpression?)] = []
    while !skip(sign: ")") {
      if !parameters.isEmpty { try expect(.sign(",")) }
      let parameter = try self.name()
      let defaultValue = skip(sign: "=") ? try expression() : nil
      if defaultValue == nil, parameters.last?.defaultValue != nil {
        throw .syntax(line: line, expected: "a default for \(parameter)")
      }
      parameters.append((name: parameter, defaultValue: defaultValue))
    }
    let outerLoopDepth = loopDepth
    loopDepth = 0
    let body = try body(until: "endmacro")
    loopDepth = outerLoopDepth
    return .macro(JinjaMacroDefinition(name: name, parameters: parameters, body: body))
  }
}
