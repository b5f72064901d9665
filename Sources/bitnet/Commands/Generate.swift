internal import ArgumentParser
internal import Jobs

/// `bitnet generate`.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Let a model continue a prompt.")

  @Argument(help: "The model's id, or that of the job that made it.")
  var model: String

  @Argument(help: "The text to continue.")
  var prompt: String

  @Option(help: "Tokens to write at most.")
  var maxTokens = 128

  @Option(help: "0 always takes the likeliest token.")
  var temperature = 0.0

  @Option(help: "Share of the probability that is drawn from.")
  var topP: Double?

  @Option(help: "The same seed gives the same text.")
  var seed: Int64?

  @Option(help: "Text at which to stop; may be repeated.")
  var stop: [String] = []

  @OptionGroup var options: ServerOptions

  func run() throws {
    var request: JSONObject = [
      "model": .string(model), "prompt": .string(prompt), "max_tokens": .int(Int64(maxTokens)),
      "temperature": .double(temperature),
    ]
    request["top_p"] = topP.map { .double($0) }
    request["seed"] = seed.map { .int($0) }
    if !stop.isEmpty { request["stop"] = .array(stop.map { .string($0) }) }
    let answer = try options.server.post("v1", "completions", body: .object(request))
    if options.json { return Terminal.printLine(answer.text) }
    guard let text = answer["choices"]?.arrayValue?.first?["text"]?.stringValue else {
      throw Failure.foreignReply("that address")
    }
    // Line ends are the model's to write; what else a terminal acts on is not.
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    Terminal.printLine(lines.map { Terminal.clean(String($0)) }.joined(separator: "\n"))
  }
}
