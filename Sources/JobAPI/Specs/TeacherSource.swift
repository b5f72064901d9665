internal import Jobs

/// Who is asked: a model of this daemon, or one that others serve.
package struct TeacherSource: Equatable, Sendable {
  package var provider: TeacherProvider = .local
  /// The model that answers: of this daemon by reference, of others by the provider's name for it.
  package var model: String
  package var terms: TeacherTerms = .unknown
  /// How a model that others serve is reached; of no meaning for a local one.
  package var hosted = HostedAccess()

  /// A local teacher.
  package init(model: ModelReference, terms: TeacherTerms = .unknown) {
    self.model = model.text
    self.terms = terms
  }

  /// A teacher that others serve.
  package init(
    provider: TeacherProvider, model: String, hosted: HostedAccess = HostedAccess(),
    terms: TeacherTerms = .unknown
  ) {
    self.provider = provider
    self.model = model
    self.hosted = hosted
    self.terms = terms
  }

  /// The model of a local teacher; nil for one that others serve.
  package var localModel: ModelReference? {
    provider == .local ? ModelReference(model) : nil
  }

  /// How it is read and written.
  package static let table = FieldTable(
    "TeacherSource", "Who is asked.", initial: TeacherSource(model: .unread),
    check: { teacher, pointer in
      if teacher.provider == .local {
        let model: [FieldError] =
          teacher.localModel != nil
          ? []
          : [
            pointer.member("model").fault(
              "must be a model: \"mdl_…\", or \"job_…\" for the model that a job made; a model that "
                + "others serve needs a provider")
          ]
        guard teacher.hosted == HostedAccess() else {
          return model + [
            pointer.member("provider").fault(
              "a local teacher takes only model and terms; base_url and the like need a provider")
          ]
        }
        return model
      }
      guard teacher.provider != .custom || teacher.hosted.baseURL != nil else {
        return [pointer.member("base_url").fault("is required for provider \"custom\"")]
      }
      return []
    },
    fields: [
      .field("provider", \.provider, .choice, "Where the teacher runs; local: in this daemon."),
      .required(
        "model", \.model, .text(1...300),
        "The model that answers: \"mdl_…\" or \"job_…\" of this daemon, else the provider's name."),
      .field(
        "terms", \.terms, .choice, "Whether its owner allows training on what it says; recorded."),
    ] + HostedAccess.fields.map { $0.within(\.hosted) })
}

extension Shape where Value == TeacherSource {
  /// Who is asked; a local teacher is written without what only others need.
  package static var teacher: Shape {
    let whole = TeacherSource.table.shape
    return Shape(
      read: whole.read,
      write: { teacher in
        guard teacher.provider == .local, case .object(let object) = whole.write(teacher) else {
          return whole.write(teacher)
        }
        return .object(JSONObject(object.filter { ["provider", "model", "terms"].contains($0.0) }))
      }, schema: whole.schema)
  }
}

/// How a model that others serve is reached, and what may be asked of it.
package struct HostedAccess: Equatable, Sendable {
  /// Up to `/v1`; nil is the provider's own.
  package var baseURL: String?
  package var api: HostedAPI = .chat
  /// The environment variable of the daemon that holds the key; nil is the provider's customary one.
  package var keyVariable: String?
  /// Said before each prompt of a chat.
  package var system: String?
  /// For a million tokens of prompts, in any currency.
  package var promptPrice: Double = 0
  /// For a million tokens of answers.
  package var completionPrice: Double = 0
  package var concurrency: Int = 128
  /// Nil is found out by the provider's refusals.
  package var requestsPerMinute: Double?
  package var tokensPerMinute: Double?
  package var timeoutSeconds: Double = 300
  package var isStreamed = false

  /// The provider's customs.
  package init() {}

  static let fields: [Field<HostedAccess>] = [
    .optional(
      "base_url", \.baseURL, .text(1...2000),
      "Of an OpenAI-compatible server, up to /v1; left out, the provider's own."),
    .field("api", \.api, .choice, "chat uses the model's template, completions the bare text."),
    .optional(
      "api_key_env", \.keyVariable, .text(1...100),
      "The daemon's environment variable that holds the key, such as OPENAI_API_KEY; never the key."
    ),
    .optional("system", \.system, .text(1...65_536), "Said before each prompt of a chat."),
    .field(
      "price_per_million_prompt", \.promptPrice, .number(0...1e6),
      "What a million tokens of prompts cost."),
    .field(
      "price_per_million_completion", \.completionPrice, .number(0...1e6),
      "What a million tokens of answers cost."),
    .field(
      "concurrency", \.concurrency, .integer(1...1000),
      "Requests in flight at most; how many there are is found out."),
    .optional(
      "requests_per_minute", \.requestsPerMinute, .number(above: 0, through: 1e7),
      "What the provider allows."),
    .optional(
      "tokens_per_minute", \.tokensPerMinute, .number(above: 0, through: 1e10),
      "What the provider allows."),
    .field(
      "timeout_s", \.timeoutSeconds, .number(1...7200), "A slower reply counts as none."),
    .field("stream", \.isStreamed, .boolean, "Whether replies come as they are written."),
  ]
}

/// Where a teacher runs. A test holds it against the HostedTeachers module's providers.
package enum TeacherProvider: String, CaseIterable, Sendable {
  /// A checkpoint in this process.
  case local
  case openai, deepseek, openrouter, together, fireworks, groq, mistral, anthropic
  case vllm, sglang, ollama
  case llamaCpp = "llama.cpp"
  case bitnet, custom
}

/// Which of OpenAI's routes a provider is asked on.
package enum HostedAPI: String, CaseIterable, Sendable {
  case chat, completions
}

/// Whether a teacher's owner allows training on its output.
package enum TeacherTerms: String, CaseIterable, Sendable {
  case allowed, unknown
}
