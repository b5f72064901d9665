/// Who serves a hosted teacher: what is known of them before they are asked.
///
/// What they really do is found out by the probe (`TeacherProbe`); this only says where they are,
/// how they want to be asked, and what their documentation promises. docs/teachers.md says the same
/// to users.
package enum HostedProvider: String, CaseIterable, Codable, Sendable {
  case openai, deepseek, openrouter, together, fireworks, groq, mistral, anthropic
  case vllm, sglang, ollama
  case llamaCpp = "llama.cpp"
  /// Another daemon of this program.
  case bitnet
  /// Any other server that speaks OpenAI's protocol.
  case custom

  /// Which of OpenAI's two routes is asked.
  package enum API: String, CaseIterable, Codable, Sendable {
    /// `/chat/completions`, which puts the prompt into the model's chat template.
    case chat
    /// `/completions`, which continues the bare text.
    case completions
  }

  /// Where it is asked; nil where only the user can know.
  package var baseURL: String? {
    switch self {
    case .openai: "https://api.openai.com/v1"
    case .deepseek: "https://api.deepseek.com/v1"
    case .openrouter: "https://openrouter.ai/api/v1"
    case .together: "https://api.together.xyz/v1"
    case .fireworks: "https://api.fireworks.ai/inference/v1"
    case .groq: "https://api.groq.com/openai/v1"
    case .mistral: "https://api.mistral.ai/v1"
    case .anthropic: "https://api.anthropic.com/v1"
    case .vllm: "http://127.0.0.1:8000/v1"
    case .sglang: "http://127.0.0.1:30000/v1"
    case .ollama: "http://127.0.0.1:11434/v1"
    case .llamaCpp: "http://127.0.0.1:8080/v1"
    case .bitnet: "http://127.0.0.1:8080/v1"
    case .custom: nil
    }
  }

  /// The environment variable that customarily holds its key; nil where none is asked for.
  package var keyVariable: String? {
    switch self {
    case .openai: "OPENAI_API_KEY"
    case .deepseek: "DEEPSEEK_API_KEY"
    case .openrouter: "OPENROUTER_API_KEY"
    case .together: "TOGETHER_API_KEY"
    case .fireworks: "FIREWORKS_API_KEY"
    case .groq: "GROQ_API_KEY"
    case .mistral: "MISTRAL_API_KEY"
    case .anthropic: "ANTHROPIC_API_KEY"
    case .vllm, .sglang, .ollama, .llamaCpp, .bitnet, .custom: nil
    }
  }

  /// Most `top_logprobs` that its documentation allows; nil where the server decides.
  package var topLogprobsMax: Int? {
    switch self {
    case .openai, .deepseek, .openrouter, .vllm, .ollama: 20
    case .together, .fireworks: 5
    case .groq, .mistral, .anthropic: 0
    case .sglang, .llamaCpp, .bitnet, .custom: nil
    }
  }

  /// What a user should know before choosing it, one sentence.
  package var remark: String {
    switch self {
    case .openai:
      "top_logprobs up to 20, none from reasoning models; token bytes; no prompt log-probabilities"
    case .deepseek:
      "top_logprobs up to 20; some versions return only 0 and -9999, the reasoner refuses them"
    case .openrouter:
      "depends on the provider behind it; asked with provider.require_parameters, so that none "
        + "drops logprobs silently"
    case .together: "top_logprobs up to 5 on some models; token strings without bytes"
    case .fireworks: "top_logprobs up to 5; echo gives prompt log-probabilities"
    case .groq: "answers 400 to logprobs: cannot be a teacher of distributions"
    case .mistral: "has no logprobs: cannot be a teacher of distributions"
    case .anthropic: "its compatible endpoint ignores logprobs: cannot be a teacher"
    case .vllm:
      "top_logprobs up to 20 unless --max-logprobs says more; token bytes; echo gives prompt "
        + "log-probabilities"
    case .sglang: "token bytes; as many top_logprobs as are asked for"
    case .ollama: "top_logprobs up to 20 from version 0.12.11 on; older ones ignore them"
    case .llamaCpp: "token ids and bytes; any number of top_logprobs"
    case .bitnet: "this program: the model of another daemon, or of this one"
    case .custom: "any server that speaks OpenAI's protocol; the probe tells what it can do"
    }
  }

  /// Whether its terms are known to forbid training other models on what it answers.
  package var isKnownToForbidTraining: Bool {
    switch self {
    case .openai, .anthropic: true
    case .deepseek, .openrouter, .together, .fireworks, .groq, .mistral, .vllm, .sglang, .ollama,
      .llamaCpp, .bitnet, .custom:
      false
    }
  }

  /// What OpenAI's newer models call `max_tokens`; they refuse the old name.
  var maxTokensField: String { self == .openai ? "max_completion_tokens" : "max_tokens" }

  /// The provider whose customary variable this is.
  static func owning(keyVariable: String) -> HostedProvider? {
    allCases.first { $0.keyVariable == keyVariable }
  }
}
