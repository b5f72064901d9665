internal import Foundation

/// Runs a template's statements; expressions, filters, tests and methods are in extensions.
final class JinjaEvaluator {
  private var output = ""
  private var scope: JinjaScope
  private let limits: ChatTemplate.Limits
  let now: Date
  /// Of the statement that runs, for errors.
  private(set) var line = 1
  private var work = 0
  private var loopDepth = 0
  /// Where the stack stood when rendering began.
  private var stackStart: UInt = 0

  private enum Flow { case normal, breakLoop, continueLoop }

  init(variables: [String: JinjaValue], limits: ChatTemplate.Limits, now: Date) {
    self.limits = limits
    self.now = now
    let globals = JinjaScope(parent: nil)
    for name in ["range", "namespace", "dict", "raise_exception", "strftime_now"] {
      globals.values[name] = .function(name)
    }
    globals.values.merge(variables) { $1 }
    self.scope = JinjaScope(parent: globals)
  }

  /// What the statements print.
  func render(_ statements: [JinjaStatement]) throws(ChatTemplateError) -> String {
    // Macros hold their scope, and scopes their macros.
    let root = scope
    defer { root.values.removeAll() }
    stackStart = Self.stackPlace()
    _ = try run(statements)
    return output
  }

  func failure(_ reason: String) -> ChatTemplateError { .evaluation(line: line, reason: reason) }

  func unsupported(_ construct: String) -> ChatTemplateError {
    .unsupported(construct: construct, line: line)
  }

  /// Counts `amount` of work (bytes, items or steps) that is about to be done.
  func charge(_ amount: Int) throws(ChatTemplateError) {
    let (sum, overflow) = work.addingReportingOverflow(max(amount, 1))
    guard !overflow, sum <= limits.workMax else {
      throw .limit(line: line, what: "\(limits.workMax) units of work")
    }
    work = sum
  }

  /// Macros may call themselves: the stack is measured, because a frame's size is the compiler's.
  func checkStack() throws(ChatTemplateError) {
    guard stackStart &- Self.stackPlace() < UInt(limits.stackBytesMax) else {
      throw .limit(line: line, what: "\(limits.stackBytesMax) bytes of stack")
    }
  }

  /// About where the stack ends now; it grows downwards.
  @inline(never)
  private static func stackPlace() -> UInt {
    var here: UInt8 = 0
    return withUnsafeMutablePointer(to: &here) { UInt(bitPattern: $0) }
  }

  func list(_ items: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
    try charge(items.count)
    guard let list = JinjaList(items) else {
      throw unsupported("a function, macro, loop or namespace inside a list")
    }
    try checkDepth(list.depth)
    return .list(list)
  }

  func tuple(_ items: [JinjaValue]) throws(ChatTemplateError) -> JinjaValue {
    guard case .list(let list) = try list(items) else { return .none }
    return .tuple(list)
  }

  func insert(
    _ value: JinjaValue, for key: JinjaValue, into dictionary: inout JinjaDictionary
  ) throws(ChatTemplateError) {
    try charge(1)
    guard dictionary.insert(value, for: key) else {
      throw unsupported("a \(key.typeName) as key or a \(value.typeName) as value of a dictionary")
    }
    try checkDepth(dictionary.depth)
  }

  private func checkDepth(_ depth: Int) throws(ChatTemplateError) {
    guard depth <= limits.valueDepthMax else {
      throw .limit(line: line, what: "\(limits.valueDepthMax) lists inside each other")
    }
  }

  private func run(_ statements: [JinjaStatement]) throws(ChatTemplateError) -> Flow {
    try checkStack()
    for statement in statements {
      line = statement.line
      try charge(1)
      let flow = try run(statement.kind)
      if flow != .normal { return flow }
    }
    return .normal
  }

  private func run(_ kind: JinjaStatement.Kind) throws(ChatTemplateError) -> Flow {
    switch kind {
    case .text(let text): try write(text)
    case .output(let expression): try write(try string(try value(of: expression)))
    case .branches(let branches):
      for branch in branches {
        if let condition = branch.condition, try !value(of: condition).isTrue { continue }
        return try run(branch.body)
      }
    case .loop(let loop): try run(loop)
    case .set(let target, let expression): try assign(try value(of: expression), to: target)
    case .setBlock(let target, let filters, let body):
      let text = try captured(body, in: JinjaScope(parent: scope))
      try assign(try apply(filters, to: .string(text)), to: target)
    case .filterBlock(let filters, let body):
      let text = try captured(body, in: JinjaScope(parent: scope))
      try write(try string(try apply(filters, to: .string(text))))
    case .macro(let definition):
      scope.values[definition.name] = .macro(JinjaMacro(definition, scope: scope))
    case .block(let body): return try run(body)
    case .breakLoop: return .breakLoop
    case .continueLoop: return .continueLoop
    }
    return .normal
  }

  private func write(_ text: String) throws(ChatTemplateError) {
    try charge(text.utf8.count / 16)
    guard output.utf8.count + text.utf8.count <= limits.outputBytesMax else {
      throw .limit(line: line, what: "\(limits.outputBytesMax) bytes of output")
    }
    output += text
  }

  /// What `body` prints, with `scope` for its names.
  private func captured(
    _ body: [JinjaStatement], in inner: JinjaScope
  ) throws(ChatTemplateError) -> String {
    let (outerOutput, outerScope) = (output, scope)
    output = ""
    scope = inner
    defer {
      output = outerOutput
      scope = outerScope
    }
    _ = try run(body)
    return output
  }

  private func run(_ loop: JinjaLoopStatement) throws(ChatTemplateError) {
    let outer = scope
    defer { scope = outer }
    var items = try self.items(of: try value(of: loop.items))
    if let condition = loop.condition {
      var kept: [JinjaValue] = []
      for item in items {
        scope = JinjaScope(parent: outer)
        try assign(item, to: loop.target)
        if try value(of: condition).isTrue { kept.append(item) }
      }
      items = kept
    }
    guard !items.isEmpty else {
      scope = JinjaScope(parent: outer)
      _ = try run(loop.otherwise)
      return
    }
    loopDepth += 1
    defer { loopDepth -= 1 }
    let state = JinjaLoop(items: items, depth: loopDepth)
    for (index, item) in items.enumerated() {
      try charge(1)
      state.index = index
      scope = JinjaScope(parent: outer)
      scope.values["loop"] = .loop(state)
      try assign(item, to: loop.target)
      if try run(loop.body) == .breakLoop { return }
    }
  }

  private func assign(_ value: JinjaValue, to target: JinjaTarget) throws(ChatTemplateError) {
    switch target {
    case .name(let name): scope.values[name] = value
    case .attribute(let namespace, let name):
      guard case .namespace(let space)? = scope[namespace] else {
        throw failure("cannot assign attribute on non-namespace object")
      }
      try set(value, name, of: space)
    case .names(let names):
      let items = try items(of: value)
      guard items.count == names.count else {
        throw failure("\(items.count) values for \(names.count) names")
      }
      for (name, item) in zip(names, items) { scope.values[name] = item }
    }
  }

  func set(
    _ value: JinjaValue, _ name: String, of namespace: JinjaNamespace
  ) throws(ChatTemplateError) {
    guard !name.hasPrefix("_") else { throw failure("an attribute that begins with _") }
    if value.depth == nil {
      throw unsupported("a function, macro, loop or namespace inside a namespace")
    }
    namespace.values[name] = value
  }

  /// A name's value; undefined if it has none.
  func value(named name: String) -> JinjaValue { scope[name] ?? .undefined("'\(name)'") }

  /// Runs a macro and gives what it prints.
  func call(
    _ macro: JinjaMacro, _ values: [JinjaValue], _ named: [(name: String, value: JinjaValue)]
  ) throws(ChatTemplateError) -> JinjaValue {
    let definition = macro.definition
    guard values.count <= definition.parameters.count else {
      throw failure(
        "macro '\(definition.name)' takes not more than \(definition.parameters.count) argument(s)")
    }
    let inner = JinjaScope(parent: macro.scope)
    for argument in named {
      guard let index = definition.parameters.firstIndex(where: { $0.name == argument.name }),
        index >= values.count
      else {
        throw failure(
          "macro '\(definition.name)' takes no keyword argument '\(argument.name)'")
      }
    }
    let (callLine, outerScope) = (line, scope)
    scope = inner
    defer {
      scope = outerScope
      line = callLine
    }
    for (index, parameter) in definition.parameters.enumerated() {
      if index < values.count {
        inner.values[parameter.name] = values[index]
      } else if let argument = named.first(where: { $0.name == parameter.name }) {
        inner.values[parameter.name] = argument.value
      } else if let defaultValue = parameter.defaultValue {
        inner.values[parameter.name] = try value(of: defaultValue)
      } else {
        inner.values[parameter.name] = .undefined("parameter '\(parameter.name)'")
      }
    }
    return .string(try captured(definition.body, in: inner))
  }
}
