extension JinjaEvaluator {
  /// Whether `value` is what the test says.
  func test(
    _ test: JinjaTest, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> Bool {
    func operand() throws(ChatTemplateError) -> JinjaValue {
      guard arguments.values.count == 1, arguments.named.isEmpty else {
        throw failure("the test \(test.rawValue) takes one argument")
      }
      return arguments.values[0]
    }
    switch test {
    case .eq, .equalto: return try compare(value, "==", try operand())
    case .ne: return try compare(value, "!=", try operand())
    case .lt, .lessthan: return try compare(value, "<", try operand())
    case .le: return try compare(value, "<=", try operand())
    case .gt, .greaterthan: return try compare(value, ">", try operand())
    case .ge: return try compare(value, ">=", try operand())
    case .in: return try compare(value, "in", try operand())
    case .divisibleby, .odd, .even:
      guard let number = value.integer else { throw failure("\(test.rawValue) of no integer") }
      let divisor = test == .divisibleby ? try operand().integer ?? 0 : 2
      guard divisor != 0 else { throw failure("integer modulo by zero") }
      return (number % divisor == 0) != (test == .odd)
    case .sameas:
      switch (value, try operand()) {
      case (.none, .none): return true
      case (.bool(let a), .bool(let b)): return a == b
      case (.none, _), (_, .none), (.bool, _), (_, .bool): return false
      default: throw unsupported("sameas of a \(value.typeName)")
      }
    case .lower: return Self.holds(try string(value), "islower")
    case .upper: return Self.holds(try string(value), "isupper")
    default:
      guard arguments.values.isEmpty, arguments.named.isEmpty else {
        throw failure("the test \(test.rawValue) takes no argument")
      }
      return isOfKind(test, value)
    }
  }

  private func isOfKind(_ test: JinjaTest, _ value: JinjaValue) -> Bool {
    switch (test, value) {
    case (.undefined, .undefined), (.none, .none), (.boolean, .bool), (.integer, .int),
      (.float, .double), (.number, .int), (.number, .double), (.number, .bool),
      (.string, .string), (.string, .markup), (.mapping, .dictionary), (.callable, .function),
      (.callable, .macro), (.callable, .method), (.true, .bool(true)), (.false, .bool(false)):
      return true
    case (.defined, .undefined): return false
    case (.defined, _): return true
    // An undefined value has the methods of a sequence in Jinja, too.
    case (.iterable, .undefined), (.iterable, .string), (.iterable, .markup), (.iterable, .list),
      (.iterable, .tuple), (.iterable, .dictionary), (.sequence, .undefined), (.sequence, .string),
      (.sequence, .markup), (.sequence, .list), (.sequence, .tuple), (.sequence, .dictionary),
      (.iterable, .loop), (.iterable, .generator):
      return true
    default: return false
    }
  }
}
