package import Jobs

/// What `POST /v1/chat/completions` answers, whole or in chunks.
package enum ChatWire {
  /// One of the answers, or a part of it.
  package struct Choice: Sendable {
    package var index: Int
    package var text = ""
    package var calls: [ToolCall] = []
    /// The tokens of `text`, with log-probabilities; nil when they were not asked for.
    package var tokens: [AnswerToken]?
    /// Told when they were asked for.
    package var promptTokenIDs: [Int32]?
    package var tokenIDs: [Int32]?
    /// `stop`, `length` or `tool_calls`; nil while it goes on.
    package var finishReason: String?
    /// Whether a chunk is the answer's first, which names the role.
    package var isFirst = false

    package init(index: Int) { self.index = index }
  }

  /// A whole answer.
  package static func answer(
    _ head: AnswerHead, _ choices: [Choice], naming: TokenNaming, usage: AnswerUsage
  ) -> JSONValue {
    head.json(
      "chat.completion",
      choices: choices.map { choice in
        var message: JSONObject = ["role": "assistant"]
        let isCallOnly = choice.text.isEmpty && !choice.calls.isEmpty
        message["content"] = isCallOnly ? .null : .string(choice.text)
        message["refusal"] = .null
        if !choice.calls.isEmpty {
          message["tool_calls"] = .array(choice.calls.map { $0.json(isChunk: false) })
        }
        return json(choice, naming, part: ("message", .object(message)))
      }, usage: usage.json)
  }

  /// A chunk of an answer.
  ///
  /// - Parameter usage: nil leaves it out; a chunk before the last says null where it was asked for.
  package static func chunk(
    _ head: AnswerHead, _ choices: [Choice], naming: TokenNaming, usage: AnswerUsage??
  ) -> JSONValue {
    head.json(
      "chat.completion.chunk",
      choices: choices.map { choice in
        var delta: JSONObject = [:]
        if choice.isFirst { delta["role"] = "assistant" }
        if !choice.text.isEmpty || (choice.isFirst && choice.calls.isEmpty) {
          delta["content"] = .string(choice.text)
        } else if choice.isFirst {
          delta["content"] = .null
        }
        if !choice.calls.isEmpty {
          delta["tool_calls"] = .array(choice.calls.map { $0.json(isChunk: true) })
        }
        return json(choice, naming, part: ("delta", .object(delta)))
      }, usage: usage.map { $0.map(\.json) ?? .null })
  }

  private static func json(
    _ choice: Choice, _ naming: TokenNaming, part: (String, JSONValue)
  ) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("index", .int(Int64(choice.index))), part,
      (
        "logprobs",
        choice.tokens.json { ["content": .array($0.map { json($0, naming) }), "refusal": nil] }
      ),
      ("finish_reason", choice.finishReason.json { .string($0) }),
    ]
    if let ids = choice.promptTokenIDs {
      members.append(("prompt_token_ids", CompletionWire.list(ids)))
    }
    if let ids = choice.tokenIDs { members.append(("token_ids", CompletionWire.list(ids))) }
    return .object(JSONObject(members))
  }

  private static func json(_ token: AnswerToken, _ naming: TokenNaming) -> JSONValue {
    var members = named(token.token, token.bytes, token.logprob ?? 0, naming)
    members["top_logprobs"] = .array(
      token.candidates.map { .object(named($0.token, $0.bytes, $0.logprob, naming)) })
    return .object(members)
  }

  private static func named(
    _ token: Int32, _ bytes: [UInt8], _ logprob: Double, _ naming: TokenNaming
  ) -> JSONObject {
    [
      "token": .string(naming.name(token, bytes)), "logprob": .double(logprob),
      "bytes": .array(bytes.map { .int(Int64($0)) }),
    ]
  }

  static let schema = AnswerHead.schema(choices: [
    "type": "object",
    "properties": [
      "index": Wire.integer,
      "message": [
        "type": "object",
        "properties": [
          "role": Wire.text, "content": Wire.text.orNull, "refusal": Wire.text.orNull,
          "tool_calls": Wire.list(of: ToolCall.schema),
        ],
      ],
      "logprobs": [
        "type": ["object", "null"],
        "properties": [
          "content": Wire.list(of: Wire.object), "refusal": Wire.any,
        ],
      ], "finish_reason": Wire.text.orNull, "prompt_token_ids": Wire.list(of: Wire.integer),
      "token_ids": Wire.list(of: Wire.integer),
    ], "required": ["index", "message", "logprobs", "finish_reason"],
  ])
}
