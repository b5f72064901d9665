/// The values that a call is given.
struct JinjaValues {
  let values: [JinjaValue]
  let named: [(name: String, value: JinjaValue)]

  init(values: [JinjaValue]) {
    self.values = values
    self.named = []
  }

  init(_ arguments: JinjaArguments, _ evaluator: JinjaEvaluator) throws(ChatTemplateError) {
    var named: [(name: String, value: JinjaValue)] = []
    self.values = try evaluator.values(of: arguments.values)
    for argument in arguments.named {
      named.append((name: argument.name, value: try evaluator.value(of: argument.value)))
    }
    self.named = named
  }

  /// The arguments in the order of `names`, nil where one is missing.
  ///
  /// - Throws: when one has another name, comes twice, or is one too many.
  func bound(
    to names: [String], _ evaluator: JinjaEvaluator
  ) throws(ChatTemplateError) -> [JinjaValue?] {
    guard values.count <= names.count else {
      throw evaluator.failure("takes at most \(names.count) arguments, got \(values.count)")
    }
    var result: [JinjaValue?] = values
    result += [JinjaValue?](repeating: nil, count: names.count - values.count)
    for argument in named {
      guard let place = names.firstIndex(of: argument.name) else {
        throw evaluator.unsupported("the argument \(argument.name)")
      }
      guard result[place] == nil else {
        throw evaluator.failure("got multiple values for argument '\(argument.name)'")
      }
      result[place] = argument.value
    }
    return result
  }
}
