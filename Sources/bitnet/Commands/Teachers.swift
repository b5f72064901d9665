internal import ArgumentParser
internal import Foundation
internal import Jobs

/// `bitnet teachers`.
struct Teachers: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Hosted teachers: who there is, and what one can do.",
    subcommands: [List.self, Probe.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the providers, and whether the server has a key for each.")

    @OptionGroup var options: ServerOptions

    func run() throws {
      let reply = try options.server.get("v1", "teachers")
      if options.json { return Terminal.printLine((reply["data"] ?? []).text) }
      var table = TextTable("PROVIDER", "KEY", "ADDRESS", "REMARK")
      for provider in reply["data"]?.arrayValue ?? [] {
        let variable = provider["api_key_env"]?.stringValue
        let key = variable.map { "\($0)\(provider["api_key_set"] == true ? "" : " (not set)")" }
        table.append(
          provider.text("provider"), key ?? "none", provider["base_url"]?.stringValue ?? "yours",
          provider.text("remark"))
      }
      table.print(whenEmpty: "This server knows no providers.")
    }
  }

  struct Probe: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Try a teacher with a few short requests, which may cost a little.",
      discussion: """
        The server asks, with the key in its own environment. The exit status is 1 when the teacher \
        cannot be used with that many candidates.
        """)

    @Argument(help: "The provider, such as vllm or openai; see `bitnet teachers list`.")
    var provider: String

    @Argument(help: "The model, as the provider calls it.")
    var model: String

    @Option(help: ArgumentHelp("Up to /v1, where it is not the provider's own.", valueName: "url"))
    var baseURL: String?

    @Option(help: "chat, which uses the model's template, or completions, the bare text.")
    var api: String?

    @Option(
      help: ArgumentHelp(
        "The server's environment variable that holds the key.", valueName: "variable"))
    var apiKeyEnv: String?

    @Option(help: "Candidates that a collection would ask for.")
    var topK = 20

    @OptionGroup var options: ServerOptions

    func run() throws {
      var teacher: JSONObject = ["provider": .string(provider), "model": .string(model)]
      teacher["base_url"] = baseURL.map { .string($0) }
      teacher["api"] = api.map { .string($0) }
      teacher["api_key_env"] = apiKeyEnv.map { .string($0) }
      let body: JSONValue = ["teacher": .object(teacher), "top_k": .int(Int64(topK))]
      let answer = try options.server.post("v1", "teachers", "probe", body: body)
      if options.json {
        Terminal.printLine(answer.text)
      } else {
        for line in Self.lines(answer) { Terminal.printLine(Terminal.clean(line)) }
      }
      if answer["usable"] != true { throw Failure.Silent(status: .jobFailed) }
    }

    /// What a person wants to know, the verdict first.
    static func lines(_ answer: JSONValue) -> [String] {
      let found = answer["capabilities"] ?? [:]
      var lines = [answer["refusal"]?.stringValue ?? "usable as a teacher"]
      func yesNo(_ name: String) -> String {
        switch found[name] {
        case true?: "yes"
        case false?: "no"
        default: "unknown"
        }
      }
      if let name = found["answered_as"]?.stringValue, !name.isEmpty {
        lines.append("  answers as: \(name)")
      }
      lines.append(
        "  candidates: \(found.text("top_logprobs")) of \(found.text("top_logprobs_asked")) asked")
      for (name, label) in [
        ("token_bytes", "token bytes"), ("token_ids", "token ids"),
        ("sampled_is_listed", "chosen token among the candidates"),
        ("after_temperature", "log-probabilities after temperature"),
        ("scores_prompts", "scores prompts"), ("is_repeatable", "greedy answers repeat"),
        ("streams", "streams log-probabilities"), ("sentinels", "sentinels such as -9999"),
      ] {
        lines.append("  \(label): \(yesNo(name))")
      }
      let spent = [found["prompt_tokens"], found["completion_tokens"]]
        .compactMap { $0?.intValue }.reduce(0, +)
      lines.append("  the probe took \(spent) tokens")
      lines += (found["remarks"]?.arrayValue ?? []).compactMap(\.stringValue).map { "  \($0)" }
      return lines
    }
  }
}
