internal import Traces

/// What a hosted teacher can really do, as its probe found. It is stored with every collection.
package struct TeacherCapabilities: Codable, Equatable, Sendable {
  package var provider: String
  package var baseURL: String
  /// The model that was asked for.
  package var model: String
  package var api: String
  /// The model that the replies name; empty when they name none.
  package var answeredAs = ""
  /// The provider's fingerprint of what answered; empty when not given.
  package var fingerprint = ""
  /// Whether replies hold log-probabilities.
  package var logprobs = false
  /// Candidates that were asked for,
  package var topLogprobsAsked = 0
  /// and those that came, at most, sentinels left out.
  package var topLogprobs = 0
  /// Whether some candidates are sentinels such as -9999,
  package var sentinels = false
  /// or all of them.
  package var onlySentinels = false
  /// Whether tokens come with their bytes; otherwise parts of characters are lost.
  package var tokenBytes = false
  /// Whether tokens come with the teacher's ids.
  package var tokenIDs = false
  /// Whether the token that was chosen is always among the candidates; nil when unknown.
  package var sampledIsListed: Bool?
  /// Whether log-probabilities change with the sampling's temperature; nil when unknown.
  package var afterTemperature: Bool?
  /// Whether a prompt's own tokens are scored (`echo`); nil on the chat route, which has no way.
  package var scoresPrompts: Bool?
  /// Whether two greedy answers are the same; nil when unknown.
  package var isRepeatable: Bool?
  /// Whether streamed replies hold log-probabilities; nil when unknown.
  package var streams: Bool?
  /// Whether replies say what is billed.
  package var usage = false
  /// Of the first request.
  package var latencySeconds = 0.0
  /// What the probe itself took.
  package var promptTokens = 0
  package var completionTokens = 0
  /// What a user should know, in sentences.
  package var remarks: [String] = []

  /// Nothing is known yet.
  package init(of endpoint: HostedEndpoint) {
    provider = endpoint.provider.rawValue
    baseURL = endpoint.baseURL
    model = endpoint.model
    api = endpoint.api.rawValue
  }

  /// Why this teacher cannot be asked `question`; nil when it can.
  package func refusal(of question: HostedQuestion) -> String? {
    guard question.topK > 0 else { return nil }
    let name = "\(provider) with \(model)"
    guard logprobs else {
      return "\(name) gives no log-probabilities, so that it cannot be a teacher of distributions"
        + (remarks.first.map { " (\($0))" } ?? "")
    }
    if onlySentinels {
      return "\(name) returns only sentinels such as -9999 for top_logprobs"
    }
    if topLogprobs < question.topK {
      return "\(name) returns \(topLogprobs) top_logprobs where \(question.topK) were asked for: "
        + "set top_k to \(max(1, topLogprobs)) or less"
    }
    if afterTemperature == true, question.temperature != 1 {
      return "\(name) gives log-probabilities after temperature: set sampling_temperature to 1"
    }
    if question.purpose == .score, scoresPrompts != true {
      return
        "\(name) does not score prompts (echo): use api \"completions\" of a server that does, "
        + "or let it answer"
    }
    return nil
  }

  private enum CodingKeys: String, CodingKey {
    case provider
    case baseURL = "base_url"
    case model, api
    case answeredAs = "answered_as"
    case fingerprint, logprobs
    case topLogprobsAsked = "top_logprobs_asked"
    case topLogprobs = "top_logprobs"
    case sentinels
    case onlySentinels = "only_sentinels"
    case tokenBytes = "token_bytes"
    case tokenIDs = "token_ids"
    case sampledIsListed = "sampled_is_listed"
    case afterTemperature = "after_temperature"
    case scoresPrompts = "scores_prompts"
    case isRepeatable = "is_repeatable"
    case streams, usage
    case latencySeconds = "latency_s"
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
    case remarks
  }
}
