package import Foundation

/// A model's chat template: messages to the text that the model was trained on.
///
/// The Jinja subset that models use, run as transformers' `apply_chat_template` runs it (immutable
/// sandbox, `trim_blocks`, `lstrip_blocks`, its own `tojson`). The result is the same text, or an
/// error: what is not there is refused by name when the template is read, or when it is reached.
/// A template comes from strangers, so its work, output and nesting are bounded.
package struct ChatTemplate: Sendable {
  /// Bounds on what one rendering may cost.
  package struct Limits: Sendable {
    /// Steps, items and sixteenths of bytes together.
    package var workMax = 20_000_000
    package var outputBytesMax = 16 << 20
    /// A thread has 512 KiB, and something else has begun on it.
    package var stackBytesMax = 320 << 10
    /// Lists and dictionaries inside each other.
    package var valueDepthMax = 72

    package init() {}
  }

  /// The template as it was given.
  package let source: String
  private let statements: [JinjaStatement]

  /// Reads a template.
  ///
  /// - Throws: `.syntax`, or `.unsupported` with the first construct that is not known, and its line.
  package init(source: String) throws(ChatTemplateError) {
    self.source = source
    self.statements = try JinjaParser.statements(of: source)
  }

  /// The text of a chat.
  ///
  /// - Parameters:
  ///   - messages: objects with `role` and `content`, in order.
  ///   - tools: JSON schemas of functions; nil when there are none.
  ///   - addGenerationPrompt: whether the text ends where the assistant's answer begins.
  ///   - variables: what else the template may use: `bos_token`, `enable_thinking` and the like.
  ///   - now: what `strftime_now` tells.
  /// - Throws: `.raised` with the template's own words, or where and why it failed.
  package func render(
    messages: [TemplateValue], tools: [TemplateValue]? = nil, addGenerationPrompt: Bool = false,
    variables: [String: TemplateValue] = [:], now: Date = Date(), limits: Limits = Limits()
  ) throws(ChatTemplateError) -> String {
    var values: [String: JinjaValue] = [:]
    let given = variables.merging([
      "messages": .array(messages.map(Self.withReasoning)),
      "tools": tools.map { .array($0) } ?? .null,
      "documents": variables["documents"] ?? .null,
      "add_generation_prompt": .bool(addGenerationPrompt),
    ]) { $1 }
    for (name, value) in given {
      values[name] = try JinjaValue(value, depthLeft: limits.valueDepthMax)
    }
    let evaluator = JinjaEvaluator(variables: values, limits: limits, now: now)
    return try evaluator.render(statements)
  }

  /// A message whose reasoning stands under each name that templates read, as transformers has it.
  private static func withReasoning(_ message: TemplateValue) -> TemplateValue {
    let names = ["reasoning_content", "thinking", "reasoning"]
    guard case .object(let members) = message,
      let reasoning = names.lazy.compactMap({ message[$0] }).first(where: { $0 != .null })
    else { return message }
    return .object(
      [.init("thinking", reasoning)] + members + [.init("reasoning_content", reasoning)])
  }
}

extension JinjaValue {
  /// - Throws: `.limit` when lists and objects nest deeper than `depthLeft`.
  fileprivate init(_ value: TemplateValue, depthLeft: Int) throws(ChatTemplateError) {
    guard depthLeft > 0 else { throw .limit(line: 0, what: "the depth that a value may have") }
    switch value {
    case .null: self = .none
    case .bool(let value): self = .bool(value)
    case .int(let value): self = .int(value)
    case .double(let value): self = .double(value)
    case .string(let text): self = .string(text)
    case .array(let items):
      var values: [JinjaValue] = []
      for item in items { values.append(try JinjaValue(item, depthLeft: depthLeft - 1)) }
      guard let list = JinjaList(values) else { throw .limit(line: 0, what: "JSON") }
      self = .list(list)
    case .object(let members):
      var dictionary = JinjaDictionary()
      for member in members {
        _ = dictionary.insert(
          try JinjaValue(member.value, depthLeft: depthLeft - 1), for: .string(member.name))
      }
      self = .dictionary(dictionary)
    }
  }
}
