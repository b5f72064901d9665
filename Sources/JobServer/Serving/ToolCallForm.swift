/// How a model writes that it calls a function.
enum ToolCallForm: Equatable, Sendable {
  /// `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, any number of them in a text, as Hermes
  /// and Qwen do it.
  case tagged
  /// An answer that is `{"name": …, "parameters": {…}}` and nothing else, as Llama 3 does it.
  case bare

  /// What a chat template tells its model to write; nil when it is none of these.
  init?(template source: String) {
    // Others write XML of their own between the same tags.
    let isXML = source.contains("<function=") || source.contains("<arg_key>")
    if source.contains("<tool_call>"), source.contains("arguments"), !isXML {
      self = .tagged
    } else if source.contains(#""parameters": dictionary of argument name and its value"#) {
      self = .bare
    } else {
      return nil
    }
  }

  /// What stands before a call.
  var opening: String { self == .tagged ? "<tool_call>" : "" }
  /// What stands behind it.
  var closing: String { self == .tagged ? "</tool_call>" : "" }
  /// The same with the line breaks that models are taught.
  var grammarOpening: String { self == .tagged ? opening + "\n" : "" }
  var grammarClosing: String { self == .tagged ? "\n" + closing : "" }
  /// The member that holds the arguments.
  var argumentsName: String { self == .tagged ? "arguments" : "parameters" }
}
