internal import Foundation

/// Functions, macros and methods.
extension JinjaEvaluator {
  private static let textMethods: Set = [
    "capitalize", "count", "endswith", "find", "format", "index", "isalnum", "isalpha", "isdigit",
    "islower", "isspace", "isupper", "join", "lower", "lstrip", "partition", "removeprefix",
    "removesuffix", "replace", "rfind", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "swapcase", "title", "upper", "zfill", "center", "ljust", "rjust",
    "casefold", "encode", "expandtabs", "format_map", "isascii", "isdecimal", "isidentifier",
    "isnumeric", "isprintable", "istitle", "maketrans", "rindex", "translate",
  ]
  private static let listMethods: Set = [
    "append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse",
    "sort",
  ]
  private static let dictionaryMethods: Set = [
    "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update",
    "values",
  ]

  /// The names of a value's methods in Python; a member of the same name is behind them.
  static func methods(of value: JinjaValue) -> Set<String> {
    switch value {
    case .string, .markup: textMethods
    case .list: listMethods
    case .tuple: ["count", "index"]
    case .dictionary: dictionaryMethods
    default: []
    }
  }

  func call(_ callee: JinjaValue, _ arguments: JinjaValues) throws(ChatTemplateError) -> JinjaValue
  {
    switch callee {
    case .function(let name): return try call(function: name, arguments)
    case .macro(let macro): return try call(macro, arguments.values, arguments.named)
    case .method(.loop(let loop), let name): return try call(name, of: loop, arguments)
    case .method(let receiver, let name):
      switch receiver {
      case .string(let text), .markup(let text):
        if case .markup = receiver { throw unsupported("\(name)() of a safe text") }
        return try call(name, of: text, arguments)
      case .dictionary(let dictionary): return try call(name, of: dictionary, arguments)
      case .list(let list), .tuple(let list): return try call(name, of: list, arguments)
      default: throw failure("'\(receiver.typeName)' object has no method \(name)")
      }
    case .undefined(let what): throw failure("\(what) is undefined")
    default: throw failure("'\(callee.typeName)' object is not callable")
    }
  }

  private func call(
    function name: String, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    switch name {
    case "namespace", "dict":
      guard arguments.values.count <= 1 else { throw failure("\(name)() takes one argument") }
      var members: [(key: JinjaValue, value: JinjaValue)] = []
      if let first = arguments.values.first {
        guard case .dictionary(let dictionary) = first else {
          throw unsupported("\(name)() of a \(first.typeName)")
        }
        members = dictionary.members
      }
      members += arguments.named.map { (key: .string($0.name), value: $0.value) }
      if name == "dict" {
        var result = JinjaDictionary()
        for member in members { try insert(member.value, for: member.key, into: &result) }
        return .dictionary(result)
      }
      let space = JinjaNamespace()
      for member in members {
        guard let key = member.key.text else { throw unsupported("namespace() of such keys") }
        try set(member.value, key, of: space)
      }
      return .namespace(space)
    case "raise_exception":
      let message = try arguments.bound(to: ["message"], self)[0]
      throw .raised(message: try string(message ?? .none))
    case "strftime_now":
      guard let format = try arguments.bound(to: ["format"], self)[0]?.text else {
        throw failure("strftime_now() needs a format")
      }
      guard format.utf8.count <= 256, let text = PythonText.date(now, format: format) else {
        throw .limit(line: line, what: "4096 bytes of a date")
      }
      return .string(text)
    default: return try range(arguments)
    }
  }

  private func range(_ arguments: JinjaValues) throws(ChatTemplateError) -> JinjaValue {
    let bounds = arguments.values.compactMap(\.integer)
    guard bounds.count == arguments.values.count, arguments.named.isEmpty,
      (1...3).contains(bounds.count)
    else { throw failure("range() takes one to three integers") }
    let (start, stop) = bounds.count == 1 ? (0, bounds[0]) : (bounds[0], bounds[1])
    let step = bounds.count == 3 ? bounds[2] : 1
    guard step != 0 else { throw failure("range() arg 3 must not be zero") }
    var items: [JinjaValue] = []
    var place = start
    while step > 0 ? place < stop : place > stop {
      // The sandbox's own limit.
      guard items.count < 100_000 else { throw .limit(line: line, what: "100000 items of range") }
      items.append(.int(place))
      let (next, overflow) = place.addingReportingOverflow(step)
      if overflow { break }
      place = next
    }
    return try list(items)
  }

  func loopAttribute(_ name: String, of loop: JinjaLoop) throws(ChatTemplateError) -> JinjaValue {
    let (index, count) = (loop.index, loop.items.count)
    switch name {
    case "index": return .int(index + 1)
    case "index0": return .int(index)
    case "revindex": return .int(count - index)
    case "revindex0": return .int(count - index - 1)
    case "first": return .bool(index == 0)
    case "last": return .bool(index == count - 1)
    case "length": return .int(count)
    case "depth", "depth0": throw unsupported("loop.\(name)")
    case "previtem":
      return index > 0 ? loop.items[index - 1] : .undefined("there is no previous item; it")
    case "nextitem":
      return index + 1 < count ? loop.items[index + 1] : .undefined("there is no next item; it")
    case "cycle", "changed": return .method(.loop(loop), name)
    default: return .undefined("'LoopContext object' has no attribute '\(name)', which")
    }
  }

  private func call(
    _ name: String, of loop: JinjaLoop, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    if name == "cycle" {
      guard !arguments.values.isEmpty else { throw failure("no items for cycling given") }
      return arguments.values[loop.index % arguments.values.count]
    }
    defer { loop.lastChanged = arguments.values }
    guard let last = loop.lastChanged, last.count == arguments.values.count else {
      return .bool(true)
    }
    return .bool(!zip(last, arguments.values).allSatisfy { JinjaValue.equal($0, $1) })
  }

  private func call(
    _ name: String, of dictionary: JinjaDictionary, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    switch name {
    case "get":
      let bound = try arguments.bound(to: ["key", "default"], self)
      guard let key = bound[0], arguments.named.isEmpty else { throw failure("get() needs a key") }
      return dictionary[key] ?? bound[1] ?? .none
    case "items": return try items(of: dictionary)
    case "keys": return try list(dictionary.members.map(\.key))
    case "values": return try list(dictionary.members.map(\.value))
    case "copy": return .dictionary(dictionary)
    default: throw failure("access to dict.\(name) is unsafe: it changes the dict")
    }
  }

  /// Pairs of names and values.
  func items(of dictionary: JinjaDictionary) throws(ChatTemplateError) -> JinjaValue {
    var pairs: [JinjaValue] = []
    for member in dictionary.members { pairs.append(try tuple([member.key, member.value])) }
    return try list(pairs)
  }

  private func call(
    _ name: String, of list: JinjaList, _ arguments: JinjaValues
  ) throws(ChatTemplateError) -> JinjaValue {
    switch name {
    case "copy": return .list(list)
    case "index", "count":
      guard arguments.values.count == 1, arguments.named.isEmpty else {
        throw unsupported("list.\(name) with these arguments")
      }
      try charge(try size(of: .list(list)))
      let places = list.items.indices.filter {
        JinjaValue.equal(list.items[$0], arguments.values[0])
      }
      if name == "count" { return .int(places.count) }
      guard let first = places.first else { throw failure("the value is not in list") }
      return .int(first)
    default: throw failure("access to list.\(name) is unsafe: it changes the list")
    }
  }
}
