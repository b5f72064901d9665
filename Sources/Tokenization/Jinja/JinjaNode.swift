/// A statement of a template, with the line that it begins on.
struct JinjaStatement: Sendable {
  let line: Int
  let kind: Kind

  indirect enum Kind: Sendable {
    case text(String)
    case output(JinjaExpression)
    /// The first branch whose condition holds; a nil condition always does.
    case branches([(condition: JinjaExpression?, body: [JinjaStatement])])
    case loop(JinjaLoopStatement)
    case set(JinjaTarget, JinjaExpression)
    case setBlock(JinjaTarget, filters: [JinjaPostfix], body: [JinjaStatement])
    case filterBlock([JinjaPostfix], body: [JinjaStatement])
    case macro(JinjaMacroDefinition)
    case block([JinjaStatement])
    case breakLoop
    case continueLoop
  }
}

/// `{% for target in items if condition %}`.
struct JinjaLoopStatement: Sendable {
  let target: JinjaTarget
  let items: JinjaExpression
  let condition: JinjaExpression?
  let body: [JinjaStatement]
  let otherwise: [JinjaStatement]
}

/// A macro with its parameters' names and defaults.
struct JinjaMacroDefinition: Sendable {
  let name: String
  let parameters: [(name: String, defaultValue: JinjaExpression?)]
  let body: [JinjaStatement]
}

/// What is assigned to.
enum JinjaTarget: Sendable {
  case name(String)
  case attribute(namespace: String, name: String)
  case names([String])
}

/// What has a value. Chains are flat, so that a long one costs no stack.
indirect enum JinjaExpression: Sendable {
  case none
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case name(String)
  case list([JinjaExpression])
  case tuple([JinjaExpression])
  case dictionary([(key: JinjaExpression, value: JinjaExpression)])
  case postfix(JinjaExpression, [JinjaPostfix])
  case negative(JinjaExpression)
  case positive(JinjaExpression)
  case arithmetic(JinjaExpression, [(operation: String, operand: JinjaExpression)])
  case comparison(JinjaExpression, [(operation: String, operand: JinjaExpression)])
  case concatenation([JinjaExpression])
  case all([JinjaExpression])
  case any([JinjaExpression])
  case not(JinjaExpression)
  case conditional(JinjaExpression, condition: JinjaExpression, otherwise: JinjaExpression?)
}

/// What follows a value: `.name`, `[key]`, `(…)`, `| filter` or `is test`.
enum JinjaPostfix: Sendable {
  case attribute(String)
  case item(JinjaExpression)
  case slice(JinjaExpression?, JinjaExpression?, JinjaExpression?)
  case call(JinjaArguments)
  case filter(JinjaFilter, JinjaArguments)
  case test(JinjaTest, JinjaArguments, isNegated: Bool)
  /// A filter or test that is not there; only reaching it is an error, as in Jinja.
  case unknown(String, line: Int)
}

/// The arguments of a call, by place and by name.
struct JinjaArguments: Sendable {
  var values: [JinjaExpression] = []
  var named: [(name: String, value: JinjaExpression)] = []
}

/// The filters that are there; any other is refused when a chat reaches it.
enum JinjaFilter: String, Sendable {
  case abs, capitalize, count, d, `default`, dictsort, first, float, indent, int, items, join, last
  case length, list, lower, map, max, min, reject, rejectattr, replace, reverse, round, safe
  case select, selectattr, sort, string, sum, title, tojson, trim, unique, upper
}

/// The tests that are there; any other is refused when a chat reaches it.
enum JinjaTest: String, Sendable {
  case boolean, callable, defined, divisibleby, eq, equalto, even, `false`, float, ge, greaterthan
  case gt, `in`, integer, iterable, le, lessthan, lower, lt, mapping, ne, none, number, odd, sameas
  case sequence, string, `true`, undefined, upper
}
