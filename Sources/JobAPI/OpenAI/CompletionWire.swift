package import Jobs

/// What `POST /v1/completions` answers, whole or in chunks: both have one form.
package enum CompletionWire {
  /// One of the answers, or a part of it.
  package struct Choice: Sendable {
    package var index: Int
    package var text = ""
    /// The tokens of `text`, with log-probabilities; nil when they were not asked for.
    package var tokens: [AnswerToken]?
    /// Code points of the answer before `text`.
    package var offset = 0
    /// Told when they were asked for.
    package var promptTokenIDs: [Int32]?
    package var tokenIDs: [Int32]?
    /// `stop` or `length`; nil while it goes on.
    package var finishReason: String?

    package init(index: Int) { self.index = index }
  }

  /// An answer or a chunk.
  ///
  /// - Parameter usage: nil leaves it out; a chunk before the last says null where it was asked for.
  package static func json(
    _ head: AnswerHead, _ choices: [Choice], naming: TokenNaming, usage: AnswerUsage??
  ) -> JSONValue {
    head.json(
      "text_completion", choices: choices.map { json($0, naming) },
      usage: usage.map { $0.map(\.json) ?? .null })
  }

  private static func json(_ choice: Choice, _ naming: TokenNaming) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("text", .string(choice.text)), ("index", .int(Int64(choice.index))),
      ("logprobs", choice.tokens.json { logprobs($0, from: choice.offset, naming) }),
      ("finish_reason", choice.finishReason.json { .string($0) }),
    ]
    if let ids = choice.promptTokenIDs { members.append(("prompt_token_ids", list(ids))) }
    if let ids = choice.tokenIDs { members.append(("token_ids", list(ids))) }
    return .object(JSONObject(members))
  }

  private static func logprobs(
    _ tokens: [AnswerToken], from start: Int, _ naming: TokenNaming
  ) -> JSONValue {
    var offset = start
    var offsets: [JSONValue] = []
    for token in tokens {
      offsets.append(.int(Int64(offset)))
      // A character counts where its first byte is.
      offset += token.bytes.count { $0 & 0xC0 != 0x80 }
    }
    return [
      "tokens": .array(tokens.map { .string(naming.name($0.token, $0.bytes)) }),
      "token_logprobs": .array(tokens.map { $0.logprob.json { .double($0) } }),
      "top_logprobs": .array(
        tokens.map { token in
          guard let logprob = token.logprob else { return .null }
          var places = token.candidates.map { candidate in
            (naming.name(candidate.token, candidate.bytes), JSONValue.double(candidate.logprob))
          }
          if !token.candidates.contains(where: { $0.token == token.token }) {
            places.append((naming.name(token.token, token.bytes), .double(logprob)))
          }
          // Of two tokens with one name, the likelier stands.
          return .object(JSONObject(places.reversed()).reversed)
        }),
      "text_offset": .array(offsets),
    ]
  }

  static func list(_ ids: [Int32]) -> JSONValue { .array(ids.map { .int(Int64($0)) }) }

  static let schema = AnswerHead.schema(choices: [
    "type": "object",
    "properties": [
      "text": Wire.text, "index": Wire.integer,
      "logprobs": [
        "type": ["object", "null"],
        "properties": [
          "tokens": Wire.list(of: Wire.text),
          "token_logprobs": Wire.list(of: Wire.number.orNull),
          "top_logprobs": Wire.list(of: Wire.object.orNull),
          "text_offset": Wire.list(of: Wire.integer),
        ],
      ], "finish_reason": Wire.text.orNull, "prompt_token_ids": Wire.list(of: Wire.integer),
      "token_ids": Wire.list(of: Wire.integer),
    ], "required": ["text", "index", "logprobs", "finish_reason"],
  ])
}

extension JSONObject {
  /// The same members, the last one first.
  fileprivate var reversed: JSONObject { JSONObject(map { ($0, $1) }.reversed()) }
}
