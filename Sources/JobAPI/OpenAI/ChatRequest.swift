package import Jobs

/// The body of `POST /v1/chat/completions`.
package struct ChatRequest: Equatable, Sendable {
  package var model: String = ""
  /// Objects with `role` and `content`, the content a text: what the model's template is given.
  package var messages: [JSONValue] = []
  /// Functions that the template tells the model about.
  package var tools: [JSONValue]?
  package var toolChoice: ToolChoice = .auto
  package var options = AnswerOptions()
  /// Instead of `max_tokens`, which it is the newer name of.
  package var maxCompletionTokens: Int?
  package var wantsLogprobs: Bool = false
  package var topLogprobs: Int?
  /// More variables for the template.
  package var templateVariables: [(name: String, value: JSONValue)] {
    guard case .object(let members)? = templateArguments else { return [] }
    return members.map { ($0.0, $0.1) }
  }
  var templateArguments: JSONValue?

  /// What a tool is called, and the schema of its arguments; nil where it names none.
  package var functions: [(name: String, parameters: JSONValue?)] {
    (tools ?? []).map { tool in
      let parameters = tool["function"]?["parameters"]
      return (
        tool["function"]?["name"]?.stringValue ?? "", parameters == .null ? nil : parameters
      )
    }
  }

  /// How the body is read.
  package static let table = FieldTable(
    "ChatRequest", "A chat to be answered, as OpenAI's clients ask for it.",
    initial: ChatRequest(),
    check: { request, pointer in
      var faults: [FieldError] = []
      if request.topLogprobs != nil, !request.wantsLogprobs {
        faults.append(pointer.member("top_logprobs").fault("needs \"logprobs\": true"))
      }
      if request.options.maxTokens != nil, request.maxCompletionTokens != nil {
        faults.append(
          pointer.member("max_tokens").fault("give only one of it and \"max_completion_tokens\""))
      }
      return faults + request.toolFaults(at: pointer)
    },
    fields: [
      .required("model", \.model, .text(1...200), "A model: mdl_…, job_…, or its name."),
      .required("messages", \.messages, .array(of: .message, 1...10_000), "The chat so far."),
      .optional("tools", \.tools, .array(of: .functionTool, 0...128), "Functions."),
      .field(
        "tool_choice", \.toolChoice, .toolChoice,
        "Whether the model may, or must, call one of the tools."),
      .optional(
        "max_completion_tokens", \.maxCompletionTokens, .integer(0...1_048_576),
        "Tokens of the answer at most."),
      .field(
        "logprobs", \.wantsLogprobs, .boolean.orLeftOut,
        "Whether the log-probabilities of the answer's tokens are told."),
      .optional(
        "top_logprobs", \.topLogprobs, .integer(0...64),
        "Of how many more tokens in each place they are told."),
      .optional(
        "chat_template_kwargs", \.templateArguments, .any(Wire.object),
        "More variables for the model's chat template."),
    ] + AnswerOptions.fields.map { $0.within(\.options) }
      + AnswerOptions.unusedFields([
        "user", "metadata", "store", "service_tier", "parallel_tool_calls", "safety_identifier",
        "prompt_cache_key",
      ]).map { $0.within(\.options) })
}

extension ChatRequest {
  /// What the tools make impossible.
  private func toolFaults(at pointer: JSONPointer) -> [FieldError] {
    let place = pointer.member("tool_choice")
    switch toolChoice {
    case .none, .auto: return []
    case .function(let name) where !functions.contains { $0.name == name }:
      return [place.fault("no tool is called \"\(name)\"")]
    case .required where functions.isEmpty:
      return [place.fault("needs \"tools\"")]
    case .required, .function:
      guard options.format != .text else { return [] }
      return [place.fault("the answer is a call, so that \"response_format\" must be left out")]
    }
  }
}

extension Shape where Value == JSONValue {
  /// A message; a content of several text parts becomes one text.
  fileprivate static var message: Shape {
    Shape(
      read: { json, _, pointer, errors in
        guard case .object = json else {
          errors.append(pointer.fault("must be an object with \"role\" and \"content\""))
          return nil
        }
        let json = json.withReadArguments
        guard case .object(let members) = json else { return nil }
        guard let role = json["role"]?.stringValue, !role.isEmpty else {
          errors.append(pointer.member("role").fault("must be a role, such as \"user\""))
          return nil
        }
        let place = pointer.member("content")
        switch json["content"] {
        case .string, .null, nil: return json
        case .array(let parts):
          var texts: [String] = []
          for (index, part) in parts.enumerated() {
            guard part["type"] == "text", let text = part["text"]?.stringValue else {
              errors.append(
                place.element(index).fault(
                  "must be {\"type\": \"text\", \"text\": …}: the models here read text only"))
              return nil
            }
            texts.append(text)
          }
          return .object(
            JSONObject(
              members.map {
                $0.0 == "content" ? ($0.0, .string(texts.joined(separator: "\n"))) : ($0.0, $0.1)
              }))
        default:
          errors.append(place.fault("must be a string or an array of text parts"))
          return nil
        }
      }, write: { $0 },
      schema: [
        "type": "object",
        "properties": ["role": Wire.text, "content": ["type": ["string", "array", "null"]]],
        "required": ["role"],
      ])
  }
}

extension JSONValue {
  /// A message whose calls have their arguments as objects, which is what templates are written for;
  /// clients repeat them as the text that they were sent.
  fileprivate var withReadArguments: JSONValue {
    guard case .object(let members) = self, case .array(let calls)? = self["tool_calls"] else {
      return self
    }
    let read = calls.map { call -> JSONValue in
      guard case .object(var callMembers) = call,
        case .object(var function)? = call["function"],
        let text = function["arguments"]?.stringValue,
        case .object(let arguments)? = try? JSONValue(parsing: Array(text.utf8))
      else { return call }
      function["arguments"] = .object(arguments)
      callMembers["function"] = .object(function)
      return .object(callMembers)
    }
    return .object(
      JSONObject(members.map { $0.0 == "tool_calls" ? ($0.0, .array(read)) : ($0.0, $0.1) }))
  }
}
