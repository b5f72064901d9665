extension JinjaEvaluator {
  /// The value of an expression.
  func value(of expression: JinjaExpression) throws(ChatTemplateError) -> JinjaValue {
    try charge(1)
    try checkStack()
    switch expression {
    case .none: return .none
    case .bool(let value): return .bool(value)
    case .int(let value): return .int(value)
    case .double(let value): return .double(value)
    case .string(let text): return .string(text)
    case .name(let name): return value(named: name)
    case .list(let items): return try list(try values(of: items))
    case .tuple(let items): return try tuple(try values(of: items))
    case .dictionary(let members): return try dictionary(members)
    case .postfix(let base, let chain): return try apply(chain, to: try value(of: base))
    case .negative(let operand): return try negative(try value(of: operand))
    case .positive(let operand):
      let value = try value(of: operand)
      guard value.number != nil else { throw failure("bad operand type for unary +") }
      return value.integer.map { .int($0) } ?? value
    case .arithmetic(let first, let rest):
      var result = try value(of: first)
      for step in rest {
        result = try arithmetic(step.operation, result, try value(of: step.operand))
      }
      return result
    case .comparison(let first, let rest): return try comparison(first, rest)
    case .concatenation(let parts): return try concatenation(try values(of: parts))
    case .all(let parts), .any(let parts): return try logical(parts, expression)
    case .not(let operand): return .bool(try !value(of: operand).isTrue)
    case .conditional(let then, let condition, let otherwise):
      if try value(of: condition).isTrue { return try value(of: then) }
      guard let otherwise else { return .undefined("the inline if-expression") }
      return try value(of: otherwise)
    }
  }

  func values(of expressions: [JinjaExpression]) throws(ChatTemplateError) -> [JinjaValue] {
    var values: [JinjaValue] = []
    for expression in expressions { values.append(try value(of: expression)) }
    return values
  }

  private func dictionary(
    _ members: [(key: JinjaExpression, value: JinjaExpression)]
  ) throws(ChatTemplateError) -> JinjaValue {
    var result = JinjaDictionary()
    for member in members {
      try insert(try value(of: member.value), for: try value(of: member.key), into: &result)
    }
    return .dictionary(result)
  }

  private func logical(
    _ parts: [JinjaExpression], _ expression: JinjaExpression
  ) throws(ChatTemplateError) -> JinjaValue {
    var isConjunction = false
    if case .all = expression { isConjunction = true }
    var result = JinjaValue.none
    for part in parts {
      result = try value(of: part)
      if result.isTrue != isConjunction { return result }
    }
    return result
  }

  private func comparison(
    _ first: JinjaExpression, _ rest: [(operation: String, operand: JinjaExpression)]
  ) throws(ChatTemplateError) -> JinjaValue {
    var left = try value(of: first)
    for step in rest {
      let right = try value(of: step.operand)
      guard try compare(left, step.operation, right) else { return .bool(false) }
      left = right
    }
    return .bool(true)
  }

  func compare(
    _ left: JinjaValue, _ operation: String, _ right: JinjaValue
  ) throws(ChatTemplateError) -> Bool {
    switch operation {
    case "==", "!=":
      try charge(size(of: left))
      return JinjaValue.equal(left, right) == (operation == "==")
    case "in": return try contains(right, left)
    case "not in": return try !contains(right, left)
    default:
      let order = try order(left, right, operation)
      switch operation {
      case "<": return order < 0
      case "<=": return order <= 0
      case ">": return order > 0
      default: return order >= 0
      }
    }
  }

  /// Items and members inside, counted through all levels.
  func size(of value: JinjaValue) throws(ChatTemplateError) -> Int {
    var size = 1
    switch value {
    case .string(let text), .markup(let text): size += text.utf8.count / 16
    case .list(let list), .tuple(let list):
      for item in list.items { size += try self.size(of: item) }
    case .dictionary(let dictionary):
      for member in dictionary.members { size += try self.size(of: member.value) }
    default: break
    }
    try charge(1)
    return size
  }

  /// Negative, zero or positive, as `left` comes before, with or after `right`.
  func order(
    _ left: JinjaValue, _ right: JinjaValue, _ operation: String
  ) throws(ChatTemplateError) -> Int {
    if let a = left.integer, let b = right.integer { return a < b ? -1 : a > b ? 1 : 0 }
    if let a = left.number, let b = right.number {
      guard !a.isNaN, !b.isNaN else { throw unsupported("comparing NaN") }
      return a < b ? -1 : a > b ? 1 : 0
    }
    if let a = left.text, let b = right.text {
      if PythonText.same(a, b) { return 0 }
      return a.unicodeScalars.lexicographicallyPrecedes(b.unicodeScalars) ? -1 : 1
    }
    switch (left, right) {
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      for (a, b) in zip(a.items, b.items) where !JinjaValue.equal(a, b) {
        return try order(a, b, operation)
      }
      return a.items.count - b.items.count
    default:
      throw failure(
        "'\(operation)' not supported between instances of '\(left.typeName)' and "
          + "'\(right.typeName)'")
    }
  }

  private func contains(
    _ container: JinjaValue, _ value: JinjaValue
  ) throws(ChatTemplateError) -> Bool {
    switch container {
    case .string(let text), .markup(let text):
      guard let part = value.text else {
        throw failure("'in <string>' requires string as left operand, not \(value.typeName)")
      }
      try charge(text.utf8.count / 16)
      return PythonText.find(Array(part.unicodeScalars), in: Array(text.unicodeScalars)) != nil
    case .dictionary(let dictionary): return dictionary[value] != nil
    case .undefined: return false
    case .generator(let generator):
      return generator.take().contains { JinjaValue.equal($0, value) }
    case .list(let list), .tuple(let list):
      try charge(try size(of: container))
      return list.items.contains { JinjaValue.equal($0, value) }
    default: throw failure("argument of type '\(container.typeName)' is not iterable")
    }
  }

  private func negative(_ value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
    if let integer = value.integer {
      guard integer != .min else { throw unsupported("an integer beyond 64 bits") }
      return .int(-integer)
    }
    guard let number = value.number else { throw failure("bad operand type for unary -") }
    return .double(-number)
  }

  func concatenation(_ parts: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
    var text = ""
    for part in parts {
      let more = try string(part)
      try charge((text.utf8.count + more.utf8.count) / 16)
      text += more
    }
    return .string(text)
  }

  /// `a + b`.
  func plus(_ a: JinjaValue, _ b: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
    try arithmetic("+", a, b)
  }

  private func arithmetic(
    _ operation: String, _ left: JinjaValue, _ right: JinjaValue
  ) throws(ChatTemplateError) -> JinjaValue {
    for operand in [left, right] {
      if case .undefined(let name) = operand { throw failure("\(name) is undefined") }
    }
    if case .markup = left { return try marked(operation, left, right) }
    if case .markup = right { return try marked(operation, left, right) }
    if let a = left.integer, let b = right.integer { return try integers(operation, a, b) }
    if let a = left.number, let b = right.number { return try doubles(operation, a, b) }
    switch (operation, left, right) {
    case ("+", .string(let a), .string(let b)):
      try charge((a.utf8.count + b.utf8.count) / 16)
      return .string(a + b)
    case ("+", .list(let a), .list(let b)): return try list(a.items + b.items)
    case ("+", .tuple(let a), .tuple(let b)): return try tuple(a.items + b.items)
    case ("*", .string(let text), _), ("*", _, .string(let text)):
      guard let count = left.integer ?? right.integer else { break }
      try charge(max(count, 0).multipliedReportingOverflow(by: text.utf8.count + 1).partialValue)
      try charge(max(count, 0))
      return .string(String(repeating: text, count: max(count, 0)))
    case ("*", .list(let items), _), ("*", _, .list(let items)):
      guard let count = left.integer ?? right.integer else { break }
      try charge(max(count, 0))
      try charge(max(count, 0).multipliedReportingOverflow(by: items.items.count).partialValue)
      return try list((0..<max(count, 0)).flatMap { _ in items.items })
    case ("%", .string, _): throw unsupported("text formatting with %")
    default: break
    }
    throw failure(
      "unsupported operand type(s) for \(operation): '\(left.typeName)' and '\(right.typeName)'")
  }

  /// Addition to a safe text, which escapes what is not safe.
  private func marked(
    _ operation: String, _ left: JinjaValue, _ right: JinjaValue
  ) throws(ChatTemplateError) -> JinjaValue {
    guard operation == "+" else { throw unsupported("\(operation) with a safe text") }
    var sum = ""
    for operand in [left, right] {
      switch operand {
      case .markup(let text): sum += text
      case .string(let text):
        for scalar in text.unicodeScalars {
          switch scalar {
          case "&": sum += "&amp;"
          case "<": sum += "&lt;"
          case ">": sum += "&gt;"
          case "\"": sum += "&#34;"
          case "'": sum += "&#39;"
          default: sum.unicodeScalars.append(scalar)
          }
        }
      default: throw failure("a \(operand.typeName) added to a text")
      }
      try charge(sum.utf8.count / 16)
    }
    return .markup(sum)
  }

  private func integers(
    _ operation: String, _ a: Int, _ b: Int
  ) throws(ChatTemplateError) -> JinjaValue {
    let result: (partialValue: Int, overflow: Bool)
    switch operation {
    case "+": result = a.addingReportingOverflow(b)
    case "-": result = a.subtractingReportingOverflow(b)
    case "*": result = a.multipliedReportingOverflow(by: b)
    case "**":
      if b < 0 { return try doubles(operation, Double(a), Double(b)) }
      var power: (partialValue: Int, overflow: Bool) = (1, false)
      for _ in 0..<min(b, 64) where !power.overflow {
        power = power.partialValue.multipliedReportingOverflow(by: a)
      }
      if b > 64 {
        // Only these stay within 64 bits.
        guard (-1...1).contains(a) else { throw unsupported("an integer beyond 64 bits") }
        power = (a == -1 && b % 2 == 1 ? -1 : a * a, false)
      }
      result = power
    case "/":
      guard b != 0 else { throw failure("division by zero") }
      return .double(Double(a) / Double(b))
    default:
      guard b != 0 else { throw failure("integer division or modulo by zero") }
      guard a != .min || b != -1 else { throw unsupported("an integer beyond 64 bits") }
      let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
      // Python rounds down: the remainder has the divisor's sign.
      let isOff = remainder != 0 && (remainder < 0) != (b < 0)
      return .int(
        operation == "//" ? quotient - (isOff ? 1 : 0) : remainder + (isOff ? b : 0))
    }
    guard !result.overflow else { throw unsupported("an integer beyond 64 bits") }
    return .int(result.partialValue)
  }

  private func doubles(
    _ operation: String, _ a: Double, _ b: Double
  ) throws(ChatTemplateError) -> JinjaValue {
    switch operation {
    case "+": return .double(a + b)
    case "-": return .double(a - b)
    case "*": return .double(a * b)
    case "/":
      guard b != 0 else { throw failure("float division by zero") }
      return .double(a / b)
    default: throw unsupported("\(operation) of floats")
    }
  }

  /// `.name`: a method first, then a member.
  func attribute(_ name: String, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
    if case .undefined(let what) = value { throw failure("\(what) is undefined") }
    if case .namespace(let space) = value {
      return space.values[name] ?? .undefined("namespace attribute '\(name)'")
    }
    if case .loop(let loop) = value { return try loopAttribute(name, of: loop) }
    if Self.methods(of: value).contains(name) { return .method(value, name) }
    if case .dictionary(let dictionary) = value, let member = dictionary[.string(name)] {
      return member
    }
    return .undefined("'\(value.typeName) object' has no attribute '\(name)', which")
  }

  /// `[key]`: an item first, then a method.
  func item(_ key: JinjaValue, of value: JinjaValue) throws(ChatTemplateError) -> JinjaValue {
    switch value {
    case .undefined(let what): throw failure("\(what) is undefined")
    case .dictionary(let dictionary):
      if let member = dictionary[key] { return member }
    case .list(let list), .tuple(let list):
      if let index = key.integer {
        let place = index < 0 ? index + list.items.count : index
        guard list.items.indices.contains(place) else {
          return .undefined("list object has no element \(index), which")
        }
        return list.items[place]
      }
    case .string(let text), .markup(let text):
      if let index = key.integer {
        let scalars = Array(text.unicodeScalars)
        try charge(scalars.count / 16)
        let place = index < 0 ? index + scalars.count : index
        guard scalars.indices.contains(place) else {
          return .undefined("str object has no element \(index), which")
        }
        return .string(String(scalars[place]))
      }
    default: break
    }
    if let name = key.text {
      if case .dictionary = value, !Self.methods(of: value).contains(name) {
        return .undefined("'dict object' has no attribute '\(name)', which")
      }
      return try attribute(name, of: value)
    }
    return .undefined("'\(value.typeName) object' has no element \(try repr(key)), which")
  }

  func slice(
    _ value: JinjaValue, _ start: JinjaValue, _ stop: JinjaValue, _ step: JinjaValue
  ) throws(ChatTemplateError) -> JinjaValue {
    func bound(_ value: JinjaValue) throws(ChatTemplateError) -> Int? {
      if case .none = value { return nil }
      guard let bound = value.integer else {
        throw failure("slice indices must be integers or None")
      }
      return bound
    }
    func sliced<Item>(_ items: [Item]) throws(ChatTemplateError) -> [Item] {
      let step = try bound(step) ?? 1
      guard step != 0 else { throw failure("slice step cannot be zero") }
      let (low, high) = step > 0 ? (0, items.count) : (-1, items.count - 1)
      func clamped(_ place: Int?, _ otherwise: Int) -> Int {
        guard let place else { return otherwise }
        return min(max(place < 0 ? place + items.count : place, low), high)
      }
      let first = clamped(try bound(start), step > 0 ? low : high)
      let end = clamped(try bound(stop), step > 0 ? high : low)
      return stride(from: first, to: end, by: step).map { items[$0] }
    }
    switch value {
    case .string(let text), .markup(let text):
      try charge(text.utf8.count / 16)
      var view = String.UnicodeScalarView()
      view.append(contentsOf: try sliced(Array(text.unicodeScalars)))
      return .string(String(view))
    case .list(let list): return try self.list(try sliced(list.items))
    case .tuple(let list): return try tuple(try sliced(list.items))
    case .undefined(let what): throw failure("\(what) is undefined")
    default: throw failure("'\(value.typeName)' object is not subscriptable")
    }
  }

  /// Applies what follows a value, one after the other.
  func apply(
    _ chain: [JinjaPostfix], to base: JinjaValue
  ) throws(ChatTemplateError) -> JinjaValue {
    var result = base
    for postfix in chain {
      try charge(1)
      switch postfix {
      case .attribute(let name): result = try attribute(name, of: result)
      case .item(let key): result = try item(try value(of: key), of: result)
      case .slice(let start, let stop, let step):
        var bounds: [JinjaValue] = []
        for bound in [start, stop, step] {
          bounds.append(
            try bound.map { (bound) throws(ChatTemplateError) in
              try value(of: bound)
            } ?? .none)
        }
        result = try slice(result, bounds[0], bounds[1], bounds[2])
      case .call(let arguments):
        result = try call(result, try JinjaValues(arguments, self))
      case .filter(let filter, let arguments):
        result = try self.filter(filter, result, try JinjaValues(arguments, self))
      case .test(let test, let arguments, let isNegated):
        let holds = try self.test(test, result, try JinjaValues(arguments, self))
        result = .bool(holds != isNegated)
      case .unknown(let construct, let line):
        throw .unsupported(construct: construct, line: line)
      }
    }
    return result
  }
}
