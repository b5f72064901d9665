/// The methods of Python's `str`.
extension JinjaEvaluator {
  func call(
    _ name: String, of text: String, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    try charge(text.utf8.count / 8)
    func argument(_ place: Int) -> JinjaValue? {
      place < arguments.values.count ? arguments.values[place] : nil
    }
    func textArgument(_ place: Int) throws(ChatTemplateError) -> String {
      guard let value = argument(place)?.text else {
        throw failure("\(name)() needs a text as argument \(place + 1)")
      }
      return value
    }
    switch name {
    case "upper", "lower", "capitalize", "title", "swapcase", "isalnum", "isalpha", "isdigit",
      "islower", "isspace", "isupper":
      guard arguments.values.isEmpty, arguments.named.isEmpty else {
        throw failure("\(name)() takes no arguments")
      }
      return Self.changed(text, name) ?? .bool(Self.holds(text, name))
    case "strip", "lstrip", "rstrip":
      let characters = try arguments.bound(to: ["chars"], self)[0]
      if let characters, characters.text == nil, characters.isTrue {
        throw failure("\(name) arg must be None or str")
      }
      return .string(
        PythonText.strip(
          text, characters: characters?.text, leading: name != "rstrip",
          trailing: name != "lstrip"))
    case "split", "rsplit": return try split(name, text, arguments)
    case "splitlines":
      guard arguments.values.isEmpty, arguments.named.isEmpty else {
        throw unsupported("splitlines with arguments")
      }
      return try list(PythonText.lines(text).map { .string($0) })
    case "startswith", "endswith":
      guard arguments.values.count == 1 else { throw unsupported("\(name) with a range") }
      var parts = [argument(0) ?? .none]
      if case .tuple(let options) = parts[0] { parts = options.items }
      for part in parts {
        guard let part = part.text else {
          throw failure("\(name) first arg must be str or a tuple of str")
        }
        let (a, b) = (Array(text.utf8), Array(part.utf8))
        if name == "startswith" ? a.starts(with: b) : a.suffix(b.count).elementsEqual(b) {
          return .bool(true)
        }
      }
      return .bool(false)
    case "replace":
      let bound = try arguments.bound(to: ["old", "new", "count"], self)
      guard let old = bound[0]?.text, let new = bound[1]?.text else {
        throw failure("replace() needs two texts")
      }
      return .string(try replaced(text, old, new, bound[2]))
    case "join": return try joined(try items(of: argument(0) ?? .none), by: text)
    case "removeprefix", "removesuffix":
      let (bytes, part) = (Array(text.utf8), Array(try textArgument(0).utf8))
      let isThere =
        name == "removeprefix"
        ? bytes.starts(with: part) : bytes.suffix(part.count).elementsEqual(part)
      guard isThere else { return .string(text) }
      let rest =
        name == "removeprefix" ? bytes.dropFirst(part.count) : bytes.dropLast(part.count)
      return .string(String(decoding: rest, as: UTF8.self))
    case "find", "rfind", "index", "count", "partition", "rpartition":
      guard arguments.values.count == 1 else { throw unsupported("\(name) with a range") }
      return try search(name, text, try textArgument(0))
    case "zfill":
      guard let width = argument(0)?.integer else { throw failure("zfill() needs a width") }
      try charge(max(width, 0))
      let sign = text.hasPrefix("-") || text.hasPrefix("+") ? 1 : 0
      let fill = max(width - text.unicodeScalars.count, 0)
      return .string(
        text.prefix(sign) + String(repeating: "0", count: fill) + text.dropFirst(sign))
    case "format": return try formatted(text, arguments)
    default: throw unsupported("str.\(name)")
    }
  }

  /// `text` in other case; nil if `name` is no such method.
  static func changed(_ text: String, _ name: String) -> JinjaValue? {
    switch name {
    case "upper": return .string(text.uppercased())
    case "lower": return .string(text.lowercased())
    case "capitalize":
      guard let first = text.unicodeScalars.first else { return .string("") }
      let rest = String(text.unicodeScalars.dropFirst())
      return .string(first.properties.titlecaseMapping + rest.lowercased())
    case "title", "swapcase":
      var result = ""
      var followsLetter = false
      for scalar in text.unicodeScalars {
        let properties = scalar.properties
        if name == "title" {
          result += followsLetter ? properties.lowercaseMapping : properties.titlecaseMapping
        } else {
          result +=
            properties.isUppercase ? properties.lowercaseMapping : properties.uppercaseMapping
        }
        followsLetter = properties.isCased
      }
      return .string(result)
    default: return nil
    }
  }

  /// The tests of texts: every character is so, and there is one.
  static func holds(_ text: String, _ name: String) -> Bool {
    let scalars = text.unicodeScalars
    func isLetter(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.properties.generalCategory {
      case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
      default: false
      }
    }
    func isDigit(_ scalar: Unicode.Scalar) -> Bool {
      scalar.properties.numericType == .decimal || scalar.properties.numericType == .digit
    }
    switch name {
    case "isalpha": return !scalars.isEmpty && scalars.allSatisfy(isLetter)
    case "isdigit": return !scalars.isEmpty && scalars.allSatisfy(isDigit)
    case "isalnum":
      return !scalars.isEmpty
        && scalars.allSatisfy { isLetter($0) || $0.properties.numericType != nil }
    case "isspace": return !scalars.isEmpty && scalars.allSatisfy(PythonText.isSpace)
    default:
      let cased = scalars.filter { $0.properties.isCased }
      return !cased.isEmpty
        && cased.allSatisfy {
          name == "islower" ? $0.properties.isLowercase : $0.properties.isUppercase
        }
    }
  }

  private func split(
    _ name: String, _ text: String, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    let bound = try arguments.bound(to: ["sep", "maxsplit"], self)
    var separator: String?
    if let value = bound[0], value.isTrue || value.text != nil {
      guard let mark = value.text, !mark.isEmpty else { throw failure("empty separator") }
      separator = mark
    }
    let limit = bound[1]?.integer ?? -1
    if name == "split" || limit < 0 {
      let parts = PythonText.split(text, separator: separator, limit: limit < 0 ? nil : limit)
      return try list(parts.map { .string($0) })
    }
    guard let separator else { throw unsupported("rsplit at white space with a limit") }
    // From the right: the same on everything turned round.
    func reversed(_ text: String) -> String {
      String(String.UnicodeScalarView(text.unicodeScalars.reversed()))
    }
    let parts = PythonText.split(
      reversed(text), separator: reversed(separator), limit: limit)
    return try list(parts.reversed().map { .string(reversed($0)) })
  }

  /// `replace`, for the method and the filter.
  func replaced(
    _ text: String, _ old: String, _ new: String, _ count: JinjaValue?
  ) throws(ChatTemplateError) -> String {
    let limit = count?.integer.flatMap { $0 < 0 ? nil : $0 }
    let scalars = text.unicodeScalars.count
    let times = scalars / max(old.unicodeScalars.count, 1) + 1
    try charge(text.utf8.count / 8)
    try charge(times.multipliedReportingOverflow(by: new.utf8.count / 16 + 1).partialValue)
    return PythonText.replace(text, old, new, limit: limit)
  }

  /// Texts with `separator` between them.
  func joined(
    _ items: [JinjaValue], by separator: String
  ) throws(ChatTemplateError) -> JinjaValue {
    var parts: [String] = []
    for (index, item) in items.enumerated() {
      guard case .string(let text) = item else {
        throw failure("sequence item \(index): expected str instance, \(item.typeName) found")
      }
      try charge((text.utf8.count + separator.utf8.count) / 16)
      parts.append(text)
    }
    return .string(parts.joined(separator: separator))
  }

  private func search(
    _ name: String, _ text: String, _ part: String
  ) throws(ChatTemplateError) -> JinjaValue {
    let (scalars, mark) = (Array(text.unicodeScalars), Array(part.unicodeScalars))
    func string(_ scalars: ArraySlice<Unicode.Scalar>) -> JinjaValue {
      var view = String.UnicodeScalarView()
      view.append(contentsOf: scalars)
      return .string(String(view))
    }
    var places: [Int] = []
    var start = 0
    while let place = PythonText.find(mark, in: scalars, from: start) {
      places.append(place)
      start = place + 1
    }
    switch name {
    case "find": return .int(places.first ?? -1)
    case "rfind": return .int(places.last ?? -1)
    case "index":
      guard let first = places.first else { throw failure("substring not found") }
      return .int(first)
    case "count":
      var (count, end) = (0, 0)
      for place in places where place >= end {
        count += 1
        end = place + mark.count
      }
      return .int(count)
    default:
      guard !mark.isEmpty else { throw failure("empty separator") }
      guard let place = name == "partition" ? places.first : places.last else {
        let empty = JinjaValue.string("")
        return try tuple(
          name == "partition" ? [.string(text), empty, empty] : [empty, empty, .string(text)])
      }
      return try tuple([
        string(scalars[..<place]), .string(part), string(scalars[(place + mark.count)...]),
      ])
    }
  }

  /// `str.format` with `{}`, `{0}` and `{name}`; anything more is refused.
  private func formatted(
    _ text: String, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    let scalars = Array(text.unicodeScalars)
    var result = ""
    var place = 0
    var next = 0
    while place < scalars.count {
      let scalar = scalars[place]
      place += 1
      guard scalar == "{" || scalar == "}" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      if place < scalars.count, scalars[place] == scalar {
        result.unicodeScalars.append(scalar)
        place += 1
        continue
      }
      guard scalar == "{", let end = scalars[place...].firstIndex(of: "}") else {
        throw failure("single '\(scalar)' in a format")
      }
      var field = ""
      field.unicodeScalars.append(contentsOf: scalars[place..<end])
      place = end + 1
      let value: JinjaValue?
      if field.isEmpty || Int(field) != nil {
        let index = Int(field) ?? next
        next += 1
        value = arguments.values.indices.contains(index) ? arguments.values[index] : nil
      } else {
        guard field.unicodeScalars.allSatisfy({ $0 == "_" || $0.properties.isXIDContinue }) else {
          throw unsupported("the format {\(field)}")
        }
        value = arguments.named.first { $0.name == field }?.value
      }
      guard let value else { throw failure("no argument for the format {\(field)}") }
      let part = try string(value)
      try charge(part.utf8.count / 16)
      result += part
    }
    return .string(result)
  }
}
