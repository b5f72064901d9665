internal import Foundation
internal import Jobs

/// A token of an answer with what the model thought of it.
package struct AnswerToken: Equatable, Sendable {
  /// A token that could stand in a place.
  package struct Candidate: Equatable, Sendable {
    package var token: Int32
    package var bytes: [UInt8]
    /// Natural logarithm.
    package var logprob: Double

    package init(token: Int32, bytes: [UInt8], logprob: Double) {
      self.token = token
      self.bytes = bytes
      self.logprob = logprob
    }
  }

  package var token: Int32
  /// What it stands for in the text; perhaps a part of a character.
  package var bytes: [UInt8]
  /// Natural logarithm of its probability; nil for a prompt's first token, or when not asked for.
  package var logprob: Double?
  /// The likeliest tokens of its place, falling.
  package var candidates: [Candidate]

  package init(
    token: Int32, bytes: [UInt8], logprob: Double? = nil, candidates: [Candidate] = []
  ) {
    self.token = token
    self.bytes = bytes
    self.logprob = logprob
    self.candidates = candidates
  }
}

/// How tokens are named in log-probabilities.
package struct TokenNaming: Sendable {
  /// Whether by `token_id:17` instead of their text.
  package var isByID: Bool

  package init(isByID: Bool = false) { self.isByID = isByID }

  /// OpenAI writes a token that is no whole characters as its bytes, in this form.
  func name(_ token: Int32, _ bytes: [UInt8]) -> String {
    if isByID { return "token_id:\(token)" }
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return "bytes:"
      + bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// Tokens that an answer took.
package struct AnswerUsage: Equatable, Sendable {
  package var promptTokens = 0
  /// Of the prompt's, those that an earlier request had read already.
  package var cachedTokens = 0
  package var answerTokens = 0

  package init() {}

  /// `usage` of an answer.
  var json: JSONValue {
    [
      "prompt_tokens": .int(Int64(promptTokens)), "completion_tokens": .int(Int64(answerTokens)),
      "total_tokens": .int(Int64(promptTokens + answerTokens)),
      "prompt_tokens_details": ["cached_tokens": .int(Int64(cachedTokens))],
    ]
  }

  static let schema: JSONValue = [
    "type": "object",
    "properties": [
      "prompt_tokens": Wire.integer, "completion_tokens": Wire.integer,
      "total_tokens": Wire.integer,
      "prompt_tokens_details": [
        "type": "object", "properties": ["cached_tokens": Wire.integer],
      ],
    ],
  ]
}

/// What every part of an answer says of the whole.
package struct AnswerHead: Equatable, Sendable {
  /// `cmpl-…` or `chatcmpl-…`.
  package var id: String
  /// Seconds since 1970.
  package var created: Int64
  /// The model as it was asked for.
  package var model: String

  package init(id: String, created: Int64, model: String) {
    self.id = id
    self.created = created
    self.model = model
  }

  /// An answer, or a chunk of one.
  func json(_ kind: String, choices: [JSONValue], usage: JSONValue?) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .string(id)), ("object", .string(kind)), ("created", .int(created)),
      ("model", .string(model)), ("choices", .array(choices)),
    ]
    if let usage { members.append(("usage", usage)) }
    return .object(JSONObject(members))
  }

  static func schema(choices: JSONValue) -> JSONValue {
    [
      "type": "object",
      "properties": [
        "id": Wire.text, "object": Wire.text, "created": Wire.integer, "model": Wire.text,
        "choices": Wire.list(of: choices), "usage": AnswerUsage.schema,
      ], "required": ["id", "object", "created", "model", "choices"],
    ]
  }
}
