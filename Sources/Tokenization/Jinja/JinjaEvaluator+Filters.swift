extension JinjaEvaluator {
  /// The items that a loop or filter goes through.
  func items(of value: JinjaValue) throws(ChatTemplateError) -> [JinjaValue] {
    switch value {
    case .list(let list), .tuple(let list): return list.items
    case .dictionary(let dictionary): return dictionary.members.map(\.key)
    case .string(let text), .markup(let text):
      try charge(text.utf8.count)
      return text.unicodeScalars.map { .string(String($0)) }
    case .undefined: return []
    case .generator(let generator): return generator.take()
    default: throw failure("'\(value.typeName)' object is not iterable")
    }
  }

  /// The value of a filter.
  func filter(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    switch filter {
    case .abs, .int, .float, .round, .sum:
      return try numeric(filter, value, arguments)
    case .select, .reject, .selectattr, .rejectattr, .map:
      return try choosing(filter, value, arguments)
    case .capitalize, .lower, .upper, .title, .trim, .replace, .indent, .string, .safe:
      return try textual(filter, value, arguments)
    case .sort, .unique, .min, .max, .dictsort: return try ordering(filter, value, arguments)
    case .tojson: return try json(value, arguments)
    case .d, .default:
      let bound = try arguments.bound(to: ["default_value", "boolean"], self)
      var isMissing = bound[1]?.isTrue ?? false && !value.isTrue
      if case .undefined = value { isMissing = true }
      return isMissing ? bound[0] ?? .string("") : value
    case .count, .length:
      _ = try arguments.bound(to: [], self)
      return .int(try length(of: value))
    case .list: return try list(try items(of: value))
    case .items:
      if case .undefined = value { return .generator(JinjaGenerator([])) }
      guard case .dictionary(let dictionary) = value else {
        throw failure("Can only get item pairs from a mapping.")
      }
      return .generator(JinjaGenerator(try items(of: try items(of: dictionary))))
    case .first:
      return try items(of: value).first ?? .undefined("no first item, sequence was empty; it")
    case .last:
      if case .generator = value { throw failure("argument must be reversible") }
      return try items(of: value).last ?? .undefined("no last item, sequence was empty; it")
    case .reverse:
      if let text = value.text {
        return .string(String(String.UnicodeScalarView(text.unicodeScalars.reversed())))
      }
      if case .generator = value { throw failure("argument must be reversible") }
      return .generator(JinjaGenerator(try items(of: value).reversed()))
    case .join:
      let bound = try arguments.bound(to: ["d", "attribute"], self)
      var texts: [JinjaValue] = []
      for var item in try items(of: value) {
        if let attribute = bound[1] { item = try self.path(attribute, of: item) }
        texts.append(.string(try string(item)))
      }
      return try joined(texts, by: try string(bound[0] ?? .string("")))
    }
  }

  private func length(of value: JinjaValue) throws(ChatTemplateError) -> Int {
    switch value {
    case .string(let text), .markup(let text): return text.unicodeScalars.count
    case .list(let list), .tuple(let list): return list.items.count
    case .dictionary(let dictionary): return dictionary.members.count
    case .undefined: return 0
    default: throw failure("object of type '\(value.typeName)' has no len()")
    }
  }

  private func numeric(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    switch filter {
    case .abs:
      if let integer = value.integer, integer != .min { return .int(Swift.abs(integer)) }
      guard case .double(let number) = value else { throw failure("abs of \(value.typeName)") }
      return .double(Swift.abs(number))
    case .int:
      let bound = try arguments.bound(to: ["default"], self)
      if let integer = value.integer { return .int(integer) }
      let text = value.text.map {
        PythonText.strip($0, characters: nil, leading: true, trailing: true)
      }
      if let text, let integer = Int(text) { return .int(integer) }
      let number = text.flatMap { Double($0) } ?? value.number
      if let number, number.isFinite, let integer = Int(exactly: number.rounded(.towardZero)) {
        return .int(integer)
      }
      return bound[0] ?? .int(0)
    case .float:
      let bound = try arguments.bound(to: ["default"], self)
      if let number = value.number { return .double(number) }
      return value.text.flatMap { Double($0) }.map { .double($0) } ?? bound[0] ?? .double(0)
    case .round:
      let bound = try arguments.bound(to: ["precision"], self)
      guard let number = value.number, (bound[0]?.integer ?? 0) == 0 else {
        throw unsupported("round of this")
      }
      return .double(number.rounded(.toNearestOrEven))
    default:
      let bound = try arguments.bound(to: ["attribute", "start"], self)
      var total = bound[1] ?? .int(0)
      for var item in try items(of: value) {
        if let attribute = bound[0], attribute.text != nil { item = try path(attribute, of: item) }
        total = try plus(total, item)
      }
      return total
    }
  }

  /// A filter's `attribute`: names with dots between them, or an index.
  private func path(
    _ attribute: JinjaValue, of value: JinjaValue
  ) throws(ChatTemplateError) -> JinjaValue {
    guard let text = attribute.text else { return try item(attribute, of: value) }
    var result = value
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      result = try item(Int(part).map { .int($0) } ?? .string(String(part)), of: result)
    }
    return result
  }

  private func choosing(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    var rest = arguments.values[...]
    var attribute: JinjaValue?
    var fallback: JinjaValue?
    if filter == .selectattr || filter == .rejectattr {
      guard let first = rest.popFirst() else { throw failure("Missing parameter 'attribute'") }
      attribute = first
    }
    for argument in arguments.named {
      switch (filter, argument.name) {
      case (.map, "attribute"): attribute = argument.value
      case (.map, "default"): fallback = argument.value
      default: throw unsupported("the argument \(argument.name)")
      }
    }
    let name = attribute == nil || filter != .map ? rest.popFirst()?.text : nil
    let given = JinjaValues(values: Array(rest))
    // Jinja does not look into what counts as false, `none` among it.
    guard value.isTrue else { return .generator(JinjaGenerator([])) }
    var result: [JinjaValue] = []
    for item in try items(of: value) {
      try charge(1)
      let subject =
        try attribute.map { (attribute) throws(ChatTemplateError) in
          try path(attribute, of: item)
        } ?? item
      if filter == .map {
        var mapped = subject
        if let name {
          guard let filter = JinjaFilter(rawValue: name) else {
            throw unsupported("the filter \(name)")
          }
          mapped = try self.filter(filter, subject, given)
        } else if case .undefined = subject, let fallback {
          mapped = fallback
        }
        result.append(mapped)
        continue
      }
      var holds = subject.isTrue
      if let name {
        guard let test = JinjaTest(rawValue: name == "==" ? "eq" : name) else {
          throw unsupported("the test \(name)")
        }
        holds = try self.test(test, subject, given)
      }
      if holds == (filter == .select || filter == .selectattr) { result.append(item) }
    }
    return .generator(JinjaGenerator(result))
  }

  private func textual(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    let text = try string(value)
    try charge(text.utf8.count / 8)
    if filter == .safe { return .markup(text) }
    if filter == .string { return value.text == nil ? .string(text) : value }
    if case .markup = value, filter == .indent {
      throw unsupported("the filter \(filter.rawValue) of a safe text")
    }
    switch filter {
    case .trim:
      let characters = try arguments.bound(to: ["chars"], self)[0]
      let trimmed = PythonText.strip(
        text, characters: characters?.text, leading: true, trailing: true)
      if case .markup = value { return .markup(trimmed) }
      return .string(trimmed)
    case .replace:
      let bound = try arguments.bound(to: ["old", "new", "count"], self)
      guard let old = bound[0], let new = bound[1] else { throw failure("replace needs two texts") }
      return .string(try replaced(text, try string(old), try string(new), bound[2]))
    case .indent: return .string(try indented(text, arguments))
    case .title: return .string(Self.titled(text))
    default:
      let changed = Self.changed(text, filter.rawValue) ?? .string(text)
      if case .markup = value, let text = changed.text { return .markup(text) }
      return changed
    }
  }

  /// Jinja's own rule: words begin after white space and `-({[<`.
  private static func titled(_ text: String) -> String {
    var result = ""
    var beginsWord = true
    for scalar in text.unicodeScalars {
      let properties = scalar.properties
      result += beginsWord ? properties.uppercaseMapping : properties.lowercaseMapping
      beginsWord = PythonText.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
    }
    return result
  }

  private func indented(
    _ text: String, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> String {
    let bound = try arguments.bound(to: ["width", "first", "blank"], self)
    let indent: String
    switch bound[0] {
    case nil: indent = "    "
    case .string(let text)?: indent = text
    case let width?:
      guard let width = width.integer, width <= 1024 else { throw unsupported("this indent") }
      indent = String(repeating: " ", count: max(width, 0))
    }
    let lines = PythonText.lines(text + "\n")
    try charge(lines.count * (indent.utf8.count / 16 + 1))
    let indentsBlank = bound[2]?.isTrue ?? false
    var result = ""
    for (index, line) in lines.enumerated() {
      if index > 0 { result += "\n" }
      if index > 0, !line.isEmpty || indentsBlank { result += indent }
      result += line
    }
    return bound[1]?.isTrue ?? false ? indent + result : result
  }

  private func ordering(
    _ filter: JinjaFilter, _ value: JinjaValue, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    var names = ["case_sensitive", "attribute"]
    if filter == .sort { names = ["reverse"] + names }
    if filter == .dictsort { names = ["case_sensitive", "by", "reverse"] }
    let bound = try arguments.bound(to: names, self)
    func argument(_ name: String) -> JinjaValue? {
      names.firstIndex(of: name).flatMap { bound[$0] }
    }
    let isCaseSensitive = argument("case_sensitive")?.isTrue ?? false
    var subjects: [JinjaValue]
    var place: Int?
    if filter == .dictsort {
      guard case .dictionary(let dictionary) = value else { throw failure("dictsort of no dict") }
      subjects = try items(of: try items(of: dictionary))
      place = argument("by")?.text == "value" ? 1 : 0
    } else {
      subjects = try items(of: value)
    }
    var keys: [JinjaValue] = []
    for subject in subjects {
      var key = subject
      if let place { key = try item(.int(place), of: subject) }
      if let attribute = argument("attribute"), attribute.text != nil || attribute.integer != nil {
        key = try path(attribute, of: subject)
      }
      if !isCaseSensitive, let text = key.text { key = .string(text.lowercased()) }
      keys.append(key)
    }
    switch filter {
    case .unique:
      var kept: [Int] = []
      for index in keys.indices {
        try charge(kept.count)
        if !kept.contains(where: { JinjaValue.equal(keys[$0], keys[index]) }) { kept.append(index) }
      }
      return .generator(JinjaGenerator(kept.map { subjects[$0] }))
    case .min, .max:
      guard var best = keys.indices.first else {
        return .undefined("no aggregated item, sequence was empty; it")
      }
      for index in keys.indices.dropFirst() {
        let order = try order(keys[index], keys[best], "<")
        if filter == .min ? order < 0 : order > 0 { best = index }
      }
      return subjects[best]
    default:
      var order = Array(keys.indices)
      let isReversed = argument("reverse")?.isTrue ?? false
      // Insertion keeps equals in their order, and can stop at a comparison that fails.
      try charge(order.count.multipliedReportingOverflow(by: order.count).partialValue / 8)
      for index in order.indices.dropFirst() {
        var place = index
        while place > 0 {
          let comparison = try self.order(keys[order[place]], keys[order[place - 1]], "<")
          guard isReversed ? comparison > 0 : comparison < 0 else { break }
          order.swapAt(place, place - 1)
          place -= 1
        }
      }
      return try list(order.map { subjects[$0] })
    }
  }
}
