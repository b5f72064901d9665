internal import ArgumentParser
internal import HTTPClient
internal import Jobs

/// `bitnet generate`.
struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Let a model continue a prompt; the text is shown as it is written.")

  @Argument(help: "The model's id or name, or the id of the job that made it.")
  var model: String

  @Argument(help: "The text to continue.")
  var prompt: String

  @Flag(help: "Ask as a chat, through the model's template; the prompt is the user's message.")
  var chat = false

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
    let request = JSONValue.object(request)
    if options.json {
      let answer =
        chat
        ? try options.server.post("v1", "chat", "completions", body: request)
        : try options.server.post("v1", "completions", body: request)
      return Terminal.printLine(answer.text)
    }
    var isAnswer = false
    var failure: String?
    func receive(_ data: String) {
      guard let chunk = try? JSONValue(parsing: Array(data.utf8)) else { return }
      failure = chunk["error"]?["message"]?.stringValue ?? failure
      guard let choice = chunk["choices"]?.arrayValue?.first else { return }
      isAnswer = true
      let piece = choice["text"] ?? choice["delta"]?["content"]
      Terminal.print(Terminal.cleanLines(piece?.stringValue ?? ""))
    }
    let path = chat ? ["v1", "chat", "completions"] : ["v1", "completions"]
    try options.server.postStreaming(path, body: request) { events in
      for event in events where event.data != "[DONE]" { receive(event.data) }
    }
    guard isAnswer || failure != nil else { throw Failure.foreignReply("that address") }
    Terminal.printLine("")
    if let failure {
      throw Failure(status: .refused, text: "bitnet: the answer broke off: \(failure)")
    }
  }

  private var request: JSONObject {
    var request: JSONObject = [
      "model": .string(model), "max_tokens": .int(Int64(maxTokens)),
      "temperature": .double(temperature), "stream": .bool(!options.json),
    ]
    if chat {
      request["messages"] = [["role": "user", "content": .string(prompt)]]
    } else {
      request["prompt"] = .string(prompt)
    }
    request["top_p"] = topP.map { .double($0) }
    request["seed"] = seed.map { .int($0) }
    if !stop.isEmpty { request["stop"] = .array(stop.map { .string($0) }) }
    return request
  }
}
