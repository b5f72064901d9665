/// A value while a template runs. Nothing in it can change but a namespace, as in transformers'
/// sandbox, and only what JSON knows can be put into a list or a dictionary.
enum JinjaValue {
  /// A name without a value; the text says which, for errors.
  case undefined(String)
  case none
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  /// A text that `safe` marked. Jinja escapes what is added to it.
  case markup(String)
  case list(JinjaList)
  case tuple(JinjaList)
  case dictionary(JinjaDictionary)
  /// What filters such as `map` give: items that can be gone through once.
  case generator(JinjaGenerator)
  case namespace(JinjaNamespace)
  case loop(JinjaLoop)
  case macro(JinjaMacro)
  /// A global function, by its name.
  case function(String)
  /// A method of a text, list or dictionary.
  indirect case method(JinjaValue, String)

  /// How deep lists and dictionaries are inside each other; nil for what they cannot hold.
  var depth: Int? {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .generator, .namespace, .loop, .macro, .function, .method: nil
    default: 0
    }
  }

  /// What Python calls it in its messages.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "NoneType"
    case .bool: "bool"
    case .int: "int"
    case .double: "float"
    case .string: "str"
    case .markup: "Markup"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .generator: "generator"
    case .namespace: "Namespace"
    case .loop: "LoopContext"
    case .macro: "Macro"
    case .function, .method: "function"
    }
  }

  var isTrue: Bool {
    switch self {
    case .undefined, .none: false
    case .bool(let value): value
    case .int(let value): value != 0
    case .double(let value): value != 0
    case .string(let text), .markup(let text): !text.isEmpty
    case .list(let list), .tuple(let list): !list.items.isEmpty
    case .dictionary(let dictionary): !dictionary.members.isEmpty
    case .generator, .namespace, .loop, .macro, .function, .method: true
    }
  }

  /// The text of a string, safe or not.
  var text: String? {
    switch self {
    case .string(let text), .markup(let text): text
    default: nil
    }
  }

  /// A truth value counts as 0 or 1, as in Python.
  var integer: Int? {
    switch self {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  var number: Double? {
    if case .double(let value) = self { return value }
    return integer.map { Double($0) }
  }

  /// `==`.
  static func equal(_ a: JinjaValue, _ b: JinjaValue) -> Bool {
    if let a = a.integer, let b = b.integer { return a == b }
    if let a = a.number, let b = b.number { return a == b }
    if let a = a.text, let b = b.text { return PythonText.same(a, b) }
    switch (a, b) {
    case (.undefined, .undefined), (.none, .none): return true
    case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
      return a.items.count == b.items.count && zip(a.items, b.items).allSatisfy { equal($0, $1) }
    case (.dictionary(let a), .dictionary(let b)):
      return a.members.count == b.members.count
        && a.members.allSatisfy { member in
          b[member.key].map { equal($0, member.value) } ?? false
        }
    case (.namespace(let a), .namespace(let b)): return a === b
    default: return false
    }
  }
}

/// The items of a list or tuple, and how deep they go.
struct JinjaList {
  let items: [JinjaValue]
  let depth: Int

  /// - Returns: nil if an item may not be in a list.
  init?(_ items: [JinjaValue]) {
    var depth = 0
    for item in items {
      guard let itemDepth = item.depth else { return nil }
      depth = max(depth, itemDepth)
    }
    self.items = items
    self.depth = depth + 1
  }
}

/// A dictionary in the order of its insertions.
struct JinjaDictionary {
  private(set) var members: [(key: JinjaValue, value: JinjaValue)] = []
  private(set) var depth = 1
  private var places: [Key: Int] = [:]

  /// Bytes, because Swift calls canonically equivalent texts equal, and numbers across types.
  private enum Key: Hashable {
    case text([UInt8])
    case number(Double)
    case none
  }

  /// A dictionary's key must be one of these; others are refused.
  private static func key(_ value: JinjaValue) -> Key? {
    if let text = value.text { return .text(Array(text.utf8)) }
    if let number = value.number { return .number(number) }
    if case .none = value { return Key.none }
    return nil
  }

  subscript(key: JinjaValue) -> JinjaValue? {
    guard let key = Self.key(key), let place = places[key] else { return nil }
    return members[place].value
  }

  /// - Returns: false if the key or the value may not be in a dictionary.
  mutating func insert(_ value: JinjaValue, for key: JinjaValue) -> Bool {
    guard let place = Self.key(key), let valueDepth = value.depth else { return false }
    depth = max(depth, valueDepth + 1)
    if let index = places[place] {
      members[index].value = value
    } else {
      places[place] = members.count
      members.append((key: key, value: value))
    }
    return true
  }
}

/// Items that are gone after the first time.
final class JinjaGenerator {
  private var items: [JinjaValue]

  init(_ items: [JinjaValue]) { self.items = items }

  func take() -> [JinjaValue] {
    defer { items = [] }
    return items
  }
}

/// What `namespace()` makes: the only thing in a template that changes.
final class JinjaNamespace {
  var values: [String: JinjaValue] = [:]
}

/// The `loop` of a `for`.
final class JinjaLoop {
  let items: [JinjaValue]
  var index = 0
  let depth: Int
  var lastChanged: [JinjaValue]?

  init(items: [JinjaValue], depth: Int) {
    self.items = items
    self.depth = depth
  }
}

/// A macro and the names that it sees.
final class JinjaMacro {
  let definition: JinjaMacroDefinition
  let scope: JinjaScope

  init(_ definition: JinjaMacroDefinition, scope: JinjaScope) {
    self.definition = definition
    self.scope = scope
  }
}

/// The names of a template, a turn of a loop, or a call of a macro.
final class JinjaScope {
  var values: [String: JinjaValue] = [:]
  let parent: JinjaScope?

  init(parent: JinjaScope?) { self.parent = parent }

  subscript(name: String) -> JinjaValue? {
    var scope: JinjaScope? = self
    while let here = scope {
      if let value = here.values[name] { return value }
      scope = here.parent
    }
    return nil
  }
}
