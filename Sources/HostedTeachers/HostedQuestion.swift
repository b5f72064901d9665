internal import Foundation
package import HTTPClient
internal import Tokenization
package import Traces

/// What a teacher is asked for, the same for every prompt.
package struct HostedQuestion: Equatable, Sendable {
  package typealias Purpose = CaptureMetadata.Purpose

  package var purpose = Purpose.answer
  /// Candidates at each position.
  package var topK = 20
  /// Tokens of an answer at most.
  package var maxTokens = 256
  /// At which answers are sampled.
  package var temperature = 1.0
  /// Of the sampling, where the provider takes one.
  package var seed: UInt64?
  /// Said before each prompt of a chat.
  package var system: String?
  /// Whether the reply comes as it is written.
  package var isStreamed = false

  /// The defaults.
  package init() {}

  /// The request that asks `endpoint` for `prompt`.
  ///
  /// - Parameters:
  ///   - key: goes into the request's head and nowhere else.
  ///   - idempotencyKey: the same whenever this is asked again.
  package func request(
    _ prompt: String, of endpoint: HostedEndpoint, key: String?, idempotencyKey: String
  ) throws -> HTTPClient.Request {
    try HostedRequestForm(self, of: endpoint, key: key)
      .request(prompt, idempotencyKey: idempotencyKey)
  }
}

/// A request but for its prompt: what is the same for all is written out once.
package struct HostedRequestForm: Sendable {
  private let url: String
  private let headers: [(name: String, value: String)]
  private let beforePrompt: [UInt8]
  private let afterPrompt: [UInt8]

  /// - Parameter key: goes into the request's head and nowhere else.
  package init(_ question: HostedQuestion, of endpoint: HostedEndpoint, key: String?) throws {
    url = endpoint.url
    var headers = [
      (name: "Content-Type", value: "application/json"),
      (name: "Accept", value: question.isStreamed ? "text/event-stream" : "application/json"),
    ]
    if let key { headers.append((name: "Authorization", value: "Bearer \(key)")) }
    self.headers = headers
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let settings = try encoder.encode(HostedQuestion.Settings(question, endpoint))
    switch endpoint.api {
    case .chat:
      var messages = Array(#"{"messages":["#.utf8)
      if let system = question.system {
        messages += Array(#"{"role":"system","content":"#.utf8)
        JSONText.append(quoted: system, to: &messages)
        messages += Array("},".utf8)
      }
      beforePrompt = messages + Array(#"{"role":"user","content":"#.utf8)
      afterPrompt = Array("}],".utf8) + settings.dropFirst()
    case .completions:
      beforePrompt = Array(#"{"prompt":"#.utf8)
      afterPrompt = Array(",".utf8) + settings.dropFirst()
    }
  }

  /// The request for a prompt.
  ///
  /// - Parameter idempotencyKey: the same whenever this is asked again.
  package func request(_ prompt: String, idempotencyKey: String) -> HTTPClient.Request {
    var body = beforePrompt
    JSONText.append(quoted: prompt, to: &body)
    body += afterPrompt
    return HTTPClient.Request(
      "POST", url, headers: headers + [(name: "Idempotency-Key", value: idempotencyKey)],
      body: body)
  }
}

extension HostedQuestion {
  /// The fields of OpenAI's two routes but for the prompt, and the few of others that are needed.
  fileprivate struct Settings: Encodable {
    struct Routing: Encodable {
      let require_parameters = true
    }

    struct StreamOptions: Encodable {
      let include_usage = true
    }

    /// True on the chat route, the number itself on the other.
    enum Logprobs: Encodable {
      case wanted
      case count(Int)

      func encode(to encoder: any Encoder) throws {
        switch self {
        case .wanted: try true.encode(to: encoder)
        case .count(let count): try count.encode(to: encoder)
        }
      }
    }

    // Named as they stand in the JSON.
    let model: String
    var max_tokens: Int?
    var max_completion_tokens: Int?
    let temperature: Double
    let top_p = 1
    var seed: Int64?
    var logprobs: Logprobs?
    var top_logprobs: Int?
    var echo: Bool?
    var stream: Bool?
    var stream_options: StreamOptions?
    var provider: Routing?

    init(_ question: HostedQuestion, _ endpoint: HostedEndpoint) {
      model = endpoint.model
      temperature = question.temperature
      seed = question.seed.map { Int64($0 & 0x7FFF_FFFF) }
      let tokens = question.purpose == .score ? 1 : question.maxTokens
      if endpoint.provider.maxTokensField == "max_tokens" || endpoint.api == .completions {
        max_tokens = tokens
      } else {
        max_completion_tokens = tokens
      }
      switch endpoint.api {
      case .chat:
        if question.topK > 0 {
          logprobs = .wanted
          top_logprobs = question.topK
        }
      case .completions:
        if question.topK > 0 { logprobs = .count(question.topK) }
        if question.purpose == .score { echo = true }
      }
      if question.isStreamed {
        stream = true
        stream_options = StreamOptions()
      }
      if endpoint.provider == .openrouter { provider = Routing() }
    }
  }
}
