extension JinjaParser {
  /// An expression, or several with commas between them, which make a tuple.
  mutating func tupleOrExpression(
    withConditional: Bool = true
  ) throws(ChatTemplateError) -> JinjaExpression {
    let first = try withConditional ? expression() : disjunction()
    guard token == .sign(",") else { return first }
    var items = [first]
    while skip(sign: ",") {
      switch token {
      case .sign(")"), .blockEnd, .variableEnd, .name("in"): return .tuple(items)
      default: items.append(try withConditional ? expression() : disjunction())
      }
    }
    return .tuple(items)
  }

  /// One expression, `a if b else c` among them.
  mutating func expression() throws(ChatTemplateError) -> JinjaExpression {
    try nested { (parser) throws(ChatTemplateError) in
      var value = try parser.disjunction()
      while parser.skip(.name("if")) {
        let condition = try parser.disjunction()
        let otherwise = parser.skip(.name("else")) ? try parser.expression() : nil
        value = .conditional(value, condition: condition, otherwise: otherwise)
      }
      return value
    }
  }

  mutating func disjunction() throws(ChatTemplateError) -> JinjaExpression {
    var parts = [try conjunction()]
    while skip(.name("or")) { parts.append(try conjunction()) }
    return parts.count == 1 ? parts[0] : .any(parts)
  }

  private mutating func conjunction() throws(ChatTemplateError) -> JinjaExpression {
    var parts = [try negation()]
    while skip(.name("and")) { parts.append(try negation()) }
    return parts.count == 1 ? parts[0] : .all(parts)
  }

  private mutating func negation() throws(ChatTemplateError) -> JinjaExpression {
    var isNegated = false
    var wasNegated = false
    while skip(.name("not")) {
      isNegated.toggle()
      wasNegated = true
    }
    let value = try comparison()
    // `not not x` is a truth value, too.
    return isNegated ? .not(value) : wasNegated ? .not(.not(value)) : value
  }

  private mutating func comparison() throws(ChatTemplateError) -> JinjaExpression {
    let first = try sum()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while true {
      switch token {
      case .sign(let sign) where ["==", "!=", "<", "<=", ">", ">="].contains(sign):
        advance()
        rest.append((operation: sign, operand: try sum()))
      case .name("in"):
        advance()
        rest.append((operation: "in", operand: try sum()))
      case .name("not") where nextToken == .name("in"):
        advance()
        advance()
        rest.append((operation: "not in", operand: try sum()))
      default: return rest.isEmpty ? first : .comparison(first, rest)
      }
    }
  }

  private mutating func sum() throws(ChatTemplateError) -> JinjaExpression {
    let first = try concatenation()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while case .sign(let sign)? = token, sign == "+" || sign == "-" {
      advance()
      rest.append((operation: sign, operand: try concatenation()))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func concatenation() throws(ChatTemplateError) -> JinjaExpression {
    var parts = [try product()]
    while skip(sign: "~") { parts.append(try product()) }
    return parts.count == 1 ? parts[0] : .concatenation(parts)
  }

  private mutating func product() throws(ChatTemplateError) -> JinjaExpression {
    let first = try power()
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while case .sign(let sign)? = token, ["*", "/", "//", "%"].contains(sign) {
      advance()
      rest.append((operation: sign, operand: try power()))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func power() throws(ChatTemplateError) -> JinjaExpression {
    let first = try unary(withFilters: true)
    var rest: [(operation: String, operand: JinjaExpression)] = []
    while skip(sign: "**") {
      rest.append((operation: "**", operand: try unary(withFilters: true)))
    }
    return rest.isEmpty ? first : .arithmetic(first, rest)
  }

  private mutating func unary(withFilters: Bool) throws(ChatTemplateError) -> JinjaExpression {
    var value: JinjaExpression
    if skip(sign: "-") {
      value = .negative(
        try nested { (parser) throws(ChatTemplateError) in try parser.unary(withFilters: false) })
    } else if skip(sign: "+") {
      value = .positive(
        try nested { (parser) throws(ChatTemplateError) in try parser.unary(withFilters: false) })
    } else {
      value = try primary()
    }
    var chain: [JinjaPostfix] = []
    while let postfix = try postfix() { chain.append(postfix) }
    if withFilters { try filtersAndTests(&chain) }
    if !chain.isEmpty { value = .postfix(value, chain) }
    return value
  }

  private mutating func primary() throws(ChatTemplateError) -> JinjaExpression {
    guard let token else { throw .syntax(line: line, expected: "an expression") }
    switch token {
    case .name(let name):
      advance()
      switch name {
      case "true", "True": return .bool(true)
      case "false", "False": return .bool(false)
      case "none", "None": return .none
      default: return .name(name)
      }
    case .string(let first):
      advance()
      var text = first
      while case .string(let more)? = self.token {
        text += more
        advance()
      }
      return .string(text)
    case .int(let value):
      advance()
      return .int(value)
    case .double(let value):
      advance()
      return .double(value)
    case .sign("("):
      advance()
      if skip(sign: ")") { return .tuple([]) }
      let value = try tupleOrExpression()
      try expect(.sign(")"))
      return value
    case .sign("["):
      advance()
      var items: [JinjaExpression] = []
      while !skip(sign: "]") {
        if !items.isEmpty {
          try expect(.sign(","))
          if skip(sign: "]") { break }
        }
        items.append(try expression())
      }
      return .list(items)
    case .sign("{"): return try dictionary()
    default:
      throw .syntax(line: line, expected: "an expression, not \(token.description)")
    }
  }

  private mutating func dictionary() throws(ChatTemplateError) -> JinjaExpression {
    advance()
    var members: [(key: JinjaExpression, value: JinjaExpression)] = []
    while !skip(sign: "}") {
      if !members.isEmpty {
        try expect(.sign(","))
        if skip(sign: "}") { break }
      }
      let key = try expression()
      try expect(.sign(":"))
      members.append((key: key, value: try expression()))
    }
    return .dictionary(members)
  }

  /// `.name`, `[…]` or `(…)`; nil if something else follows.
  private mutating func postfix() throws(ChatTemplateError) -> JinjaPostfix? {
    switch token {
    case .sign("."):
      advance()
      if case .int(let index)? = token {
        advance()
        return .item(.int(index))
      }
      return .attribute(try name())
    case .sign("["):
      advance()
      return try subscripted()
    case .sign("("): return .call(try arguments())
    default: return nil
    }
  }

  private mutating func subscripted() throws(ChatTemplateError) -> JinjaPostfix {
    var parts: [JinjaExpression?] = [nil]
    var isSlice = false
    while !skip(sign: "]") {
      if skip(sign: ":") {
        isSlice = true
        parts.append(nil)
        guard parts.count <= 3 else { throw .syntax(line: line, expected: "]") }
      } else if parts[parts.count - 1] == nil {
        parts[parts.count - 1] = try expression()
      } else if token == .sign(",") {
        throw .unsupported(construct: "a subscript with a comma", line: line)
      } else {
        throw .syntax(line: line, expected: "]")
      }
    }
    if isSlice { return .slice(parts[0], parts[1], parts.count > 2 ? parts[2] : nil) }
    guard let key = parts[0] else { throw .syntax(line: line, expected: "a subscript") }
    return .item(key)
  }

  private mutating func arguments() throws(ChatTemplateError) -> JinjaArguments {
    try expect(.sign("("))
    var arguments = JinjaArguments()
    var isFirst = true
    while !skip(sign: ")") {
      if !isFirst {
        try expect(.sign(","))
        if skip(sign: ")") { break }
      }
      isFirst = false
      if token == .sign("*") || token == .sign("**") {
        throw .unsupported(construct: "unpacked arguments", line: line)
      }
      if case .name(let name)? = token, nextToken == .sign("=") {
        advance()
        advance()
        arguments.named.append((name: name, value: try expression()))
      } else if arguments.named.isEmpty {
        arguments.values.append(try expression())
      } else {
        throw .syntax(line: line, expected: "named arguments last")
      }
    }
    return arguments
  }

  private mutating func filtersAndTests(
    _ chain: inout [JinjaPostfix]
  ) throws(ChatTemplateError) {
    while true {
      if skip(sign: "|") {
        chain.append(try filter())
      } else if skip(.name("is")) {
        chain.append(try test())
      } else if token == .sign("(") {
        chain.append(.call(try arguments()))
      } else {
        return
      }
    }
  }

  /// The name of a filter, and its arguments.
  mutating func filter() throws(ChatTemplateError) -> JinjaPostfix {
    let line = line
    let name = try name()
    let arguments = token == .sign("(") ? try self.arguments() : JinjaArguments()
    guard let filter = JinjaFilter(rawValue: name) else {
      return .unknown("the filter \(name)", line: line)
    }
    return .filter(filter, arguments)
  }

  private mutating func test() throws(ChatTemplateError) -> JinjaPostfix {
    let isNegated = skip(.name("not"))
    let line = line
    let name = try name()
    var arguments = JinjaArguments()
    switch token {
    case .sign("("): arguments = try self.arguments()
    case .name("else"), .name("or"), .name("and"), .name("if"), .name("in"), .name("not"): break
    case .name("is"): throw .syntax(line: line, expected: "one test")
    case .name, .string, .int, .double, .sign("["), .sign("{"):
      let value = try primary()
      var chain: [JinjaPostfix] = []
      while let postfix = try postfix() { chain.append(postfix) }
      arguments.values.append(chain.isEmpty ? value : .postfix(value, chain))
    default: break
    }
    guard let test = JinjaTest(rawValue: name) else {
      return .unknown("the test \(name)", line: line)
    }
    return .test(test, arguments, isNegated: isNegated)
  }
}
