import Foundation
import Inference
import JobAPI
import JobStore
import Jobs
import Kernels
import Logging
import Synchronization
import TestSupport
import Testing
import Tokenization

@testable import JobServer

/// A daemon's routes with one small model of random weights in its store.
private struct ServingHarness {
  let routes: RoutesHarness
  let model: ModelRecord
  let served: ServedModels

  /// - Parameter template: nil leaves the model without one.
  init(
    template: String? = TinyModel.template,
    limits: GenerationLimits = GenerationLimits(
      maximumSequences: 4, maximumContext: 96, maximumQueue: 8)
  ) throws {
    let kept = Mutex<ServedModels?>(nil)
    routes = try RoutesHarness { services in
      let models = TinyModel.served(by: services, limits: limits)
      services.servedModels = models
      kept.withLock { $0 = models }
    }
    served = try #require(kept.withLock { $0 })
    model = try TinyModel.add(to: routes, template: template)
  }

  var folder: URL { URL(filePath: routes.folder).appending(path: "model") }

  func ask(_ path: String, _ body: String) throws -> TestAnswer {
    try routes.send("POST", path, body)
  }

  func ask(_ path: String, _ body: String) throws -> JSONValue {
    let answer: TestAnswer = try ask(path, body)
    #expect(answer.status == 200, "\(answer.text)")
    return try answer.json()
  }

  /// Tokens and texts of a greedy answer, without a server.
  func greedy(_ prompt: [Int32], count: Int) throws -> [Int32] {
    let loaded = try ModelFolder.load(folder)
    let model = try InferenceModel(
      configuration: loaded.configuration, parameters: loaded.parameters)
    return try generateGreedy(
      model: model, prompts: [prompt], maximumNewTokens: count,
      stop: Set([loaded.tokenizer.endOfText].compactMap(\.self)), batch: 1
    ).generations[0].tokens
  }

  var tokenizer: Tokenizer {
    get throws { try ModelFolder.load(folder).tokenizer }
  }
}

extension TestAnswer {
  /// The `data:` of each server-sent event.
  fileprivate var events: [String] {
    text.components(separatedBy: "\n\n").compactMap {
      $0.hasPrefix("data: ") ? String($0.dropFirst(6)) : nil
    }
  }
}

struct ServingTests {
  @Test
  func `A completion is the model's own greedy answer`() throws {
    let harness = try ServingHarness()
    let tokenizer = try harness.tokenizer
    let expected = try harness.greedy(tokenizer.encode("the cat"), count: 12)
    let answer: JSONValue = try harness.ask(
      "/v1/completions",
      """
      {"model": "tiny", "prompt": "the cat", "temperature": 0, "max_tokens": 12,
       "return_token_ids": true, "logprobs": 3}
      """)
    let choice = try #require(answer["choices"]?.arrayValue?.first)
    #expect(choice["token_ids"]?.arrayValue?.compactMap(\.intValue) == expected.map(Int64.init))
    #expect(choice["text"]?.stringValue == tokenizer.decode(expected))
    #expect(choice["finish_reason"]?.stringValue == "length")
    let logprobs = try #require(choice["logprobs"])
    #expect(logprobs["token_logprobs"]?.arrayValue?.count == 12)
    for (top, own) in zip(
      logprobs["top_logprobs"]?.arrayValue ?? [], logprobs["token_logprobs"]?.arrayValue ?? [])
    {
      let values = top.objectValue?.compactMap { $0.1.doubleValue } ?? []
      // Greedy: the token is the likeliest of its place. Two kernels sum, in two orders.
      #expect(abs((values.max() ?? 1) - (own.doubleValue ?? 0)) < 1e-5)
    }
    #expect(answer["usage"]?["completion_tokens"]?.intValue == 12)
    #expect(answer["object"]?.stringValue == "text_completion")
  }

  @Test
  func `A stream says the same as the whole answer`() throws {
    let harness = try ServingHarness()
    let body = """
      {"model": "\(harness.model.id.text)", "prompt": "the dog", "max_tokens": 20, "seed": 5,
       "temperature": 1.0, "top_p": 0.9
      """
    let whole: JSONValue = try harness.ask("/v1/completions", body + "}")
    let stream: TestAnswer = try harness.ask(
      "/v1/completions", body + #", "stream": true, "stream_options": {"include_usage": true}}"#)
    #expect(stream.headers["content-type"] == "text/event-stream")
    let events = stream.events
    #expect(events.last == "[DONE]")
    let chunks = try events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
    let texts = chunks.compactMap { $0["choices"]?.arrayValue?.first?["text"]?.stringValue }
    #expect(texts.joined() == whole["choices"]?.arrayValue?.first?["text"]?.stringValue)
    #expect(chunks.last?["usage"]?["completion_tokens"] == whole["usage"]?["completion_tokens"])
  }

  @Test
  func `A chat goes through the model's template`() throws {
    let harness = try ServingHarness()
    let tokenizer = try harness.tokenizer
    let prompt = tokenizer.encode("<system>a<user>b\nc<assistant>")
    let expected = tokenizer.decode(try harness.greedy(prompt, count: 8))
    let messages = """
      [{"role": "system", "content": "a"},
       {"role": "user", "content": [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]}]
      """
    let body = #"{"model": "tiny", "messages": \#(messages), "temperature": 0, "max_tokens": 8"#
    let answer: JSONValue = try harness.ask("/v1/chat/completions", body + "}")
    let message = try #require(answer["choices"]?.arrayValue?.first?["message"])
    #expect(message["content"]?.stringValue == expected)
    #expect(message["role"]?.stringValue == "assistant")
    #expect(answer["usage"]?["prompt_tokens"]?.intValue == Int64(prompt.count))
    let stream: TestAnswer = try harness.ask(
      "/v1/chat/completions", body + #", "stream": true, "logprobs": true, "top_logprobs": 2}"#)
    let chunks = try stream.events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
    let deltas = chunks.compactMap { $0["choices"]?.arrayValue?.first?["delta"] }
    #expect(deltas.first?["role"]?.stringValue == "assistant")
    #expect(deltas.compactMap { $0["content"]?.stringValue }.joined() == expected)
    let places = chunks.flatMap {
      $0["choices"]?.arrayValue?.first?["logprobs"]?["content"]?.arrayValue ?? []
    }
    #expect(places.count == 8)
    #expect(places.allSatisfy { $0["top_logprobs"]?.arrayValue?.count == 2 })
  }

  @Test
  func `Several prompts and answers come in order, and echo tells the prompt's probabilities`()
    throws
  {
    let harness = try ServingHarness()
    let answer: JSONValue = try harness.ask(
      "/v1/completions",
      """
      {"model": "tiny", "prompt": ["the cat", "on the"], "n": 2, "max_tokens": 3, "seed": 1,
       "echo": true, "logprobs": 1}
      """)
    let choices = try #require(answer["choices"]?.arrayValue)
    #expect(choices.compactMap { $0["index"]?.intValue } == [0, 1, 2, 3])
    #expect(
      zip(choices, ["the cat", "the cat", "on the", "on the"]).allSatisfy {
        $0["text"]?.stringValue?.hasPrefix($1) == true
      })
    let tokenizer = try harness.tokenizer
    let first = try #require(choices[0]["logprobs"]?["token_logprobs"]?.arrayValue)
    #expect(first.count == tokenizer.encode("the cat").count + 3)
    #expect(first[0].isNull && first[1].doubleValue ?? 1 <= 0)
  }

  @Test
  func `An answer is held to a JSON schema`() throws {
    let harness = try ServingHarness()
    for seed in 1...4 {
      let answer: JSONValue = try harness.ask(
        "/v1/completions",
        """
        {"model": "tiny", "prompt": "the", "max_tokens": 60, "seed": \(seed),
         "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema":
         {"type": "object", "properties": {"a": {"enum": ["the cat", 1]}, "b": {"type": "boolean"}},
          "required": ["a", "b"], "additionalProperties": false}}}}
        """)
      let choice = try #require(answer["choices"]?.arrayValue?.first)
      let text = try #require(choice["text"]?.stringValue)
      #expect(choice["finish_reason"]?.stringValue == "stop", "\(text)")
      let value = try JSONValue(parsing: Array(text.utf8))
      #expect(value["a"] == "the cat" || value["a"] == 1)
      #expect(value["b"]?.boolValue != nil)
    }
  }

  /// A template whose model calls functions as Qwen's do.
  private static let callingTemplate =
    TinyModel.template
    + #"{% if tools %}{{ tools | tojson }}<tool_call>{"arguments": {}}</tool_call>{% endif %}"#
  private static let callingBody = """
    {"model": "tiny", "messages": [{"role": "user", "content": "the cat"}, {"role": "assistant",
     "content": null, "tool_calls": [{"id": "call_1", "type": "function", "function":
     {"name": "sit", "arguments": "{\\"on\\": true}"}}]},
     {"role": "tool", "tool_call_id": "call_1", "content": "sat"}],
     "tools": [{"type": "function", "function": {"name": "sit", "parameters": {"type": "object",
     "properties": {"on": {"enum": ["the mat", "the log"]}}, "required": ["on"]}}},
     {"type": "function", "function": {"name": "see", "parameters": {"type": "object",
     "properties": {"what": {"const": "the dog"}}, "required": ["what"]}}}],
     "seed": 3, "max_tokens": 300
    """

  @Test
  func `A call that must come comes as a call, whole and in a stream`() throws {
    let harness = try ServingHarness(
      template: Self.callingTemplate,
      limits: GenerationLimits(maximumSequences: 4, maximumContext: 1024, maximumQueue: 8))
    let choice = #""tool_choice": {"type": "function", "function": {"name": "sit"}}"#
    let answer: JSONValue = try harness.ask(
      "/v1/chat/completions", Self.callingBody + ", \(choice)}")
    let first = try #require(answer["choices"]?.arrayValue?.first)
    #expect(first["finish_reason"] == "tool_calls")
    #expect(first["message"]?["content"] == .null)
    let calls = try #require(first["message"]?["tool_calls"]?.arrayValue)
    #expect(calls.count == 1)
    #expect(calls[0]["type"] == "function" && calls[0]["function"]?["name"] == "sit")
    #expect(calls[0]["id"]?.stringValue?.hasPrefix("call_") == true)
    let arguments = try #require(calls[0]["function"]?["arguments"]?.stringValue)
    let on = try JSONValue(parsing: Array(arguments.utf8))["on"]
    #expect(on == "the mat" || on == "the log")

    let stream: TestAnswer = try harness.ask(
      "/v1/chat/completions", Self.callingBody + #", \#(choice), "stream": true}"#)
    let chunks = try stream.events.dropLast().map { try JSONValue(parsing: Array($0.utf8)) }
    let choices = chunks.compactMap { $0["choices"]?.arrayValue?.first }
    let deltas = choices.flatMap { $0["delta"]?["tool_calls"]?.arrayValue ?? [] }
    #expect(deltas.count == 1)
    #expect(deltas[0]["index"] == 0 && deltas[0]["function"] == calls[0]["function"])
    #expect(choices.allSatisfy { ($0["delta"]?["content"] ?? .null) == .null })
    #expect(choices.first?["delta"]?["role"] == "assistant")
    #expect(choices.last?["finish_reason"] == "tool_calls")

    let some: JSONValue = try harness.ask(
      "/v1/chat/completions", Self.callingBody + #", "tool_choice": "required"}"#)
    let called = some["choices"]?.arrayValue?.first?["message"]?["tool_calls"]?.arrayValue
    #expect(["sit", "see"].contains(called?.first?["function"]?["name"]?.stringValue))
  }

  @Test
  func `Calls that cannot be had are refused by name`() throws {
    let harness = try ServingHarness()
    let calling = try ServingHarness(template: Self.callingTemplate)
    func parameter(
      _ harness: ServingHarness, _ rest: String, tools: String? = nil
    ) throws -> String? {
      let body = tools.map {
        #"{"model": "tiny", "messages": [{"role": "user", "content": "a"}], "tools": \#($0)"#
      }
      let answer: TestAnswer = try harness.ask(
        "/v1/chat/completions", (body ?? Self.callingBody) + rest + "}")
      #expect(answer.status == 400, "\(answer.text)")
      return try answer.json()["error"]?["param"]?.stringValue
    }
    let required = #", "tool_choice": "required""#
    // Its template shows no form of calls.
    #expect(try parameter(harness, required) == "tool_choice")
    #expect(try parameter(calling, required, tools: "[]") == "tool_choice")
    #expect(try parameter(calling, #", "tool_choice": "any""#) == "tool_choice")
    #expect(
      try parameter(
        calling, #", "tool_choice": {"type": "function", "function": {"name": "run"}}"#)
        == "tool_choice")
    #expect(
      try parameter(calling, required + #", "response_format": {"type": "json_object"}"#)
        == "tool_choice")
    #expect(try parameter(calling, "", tools: #"[{"type": "web_search"}]"#) == "tools")
    #expect(
      try parameter(
        calling, required,
        tools: """
          [{"type": "function", "function": {"name": "a", "parameters":
           {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}}}]
          """) == "tools")
  }

  @Test
  func `Wrong requests get OpenAI's errors`() throws {
    let harness = try ServingHarness(template: nil)
    func error(_ path: String, _ body: String, _ status: Int) throws -> JSONValue {
      let answer: TestAnswer = try harness.ask(path, body)
      #expect(answer.status == status, "\(answer.text)")
      return try #require(try answer.json()["error"])
    }
    let unknown = try error("/v1/completions", #"{"model": "none", "prompt": "a"}"#, 404)
    #expect(unknown["message"]?.stringValue?.contains("none") == true)
    let long = String(repeating: "x ", count: 200)
    let tooLong = try error(
      "/v1/completions", #"{"model": "tiny", "prompt": "\#(long)"}"#, 400)
    #expect(tooLong["code"]?.stringValue == "context_length_exceeded")
    let field = try error(
      "/v1/completions", #"{"model": "tiny", "prompt": "a", "temperature": 9}"#, 400)
    #expect(field["param"]?.stringValue == "temperature")
    #expect(field["type"]?.stringValue == "invalid_request_error")
    _ = try error("/v1/completions", #"{"model": "tiny", "prompt": [99999]}"#, 400)
    _ = try error("/v1/completions", #"{"model": "tiny", "prompt": ""}"#, 400)
    _ = try error("/v1/completions", #"{"model": "tiny", "prompt": "a", "suffix": "b"}"#, 400)
    let noTemplate = try error(
      "/v1/chat/completions",
      #"{"model": "tiny", "messages": [{"role": "user", "content": "a"}]}"#, 400)
    #expect(noTemplate["message"]?.stringValue?.contains("chat template") == true)
    _ = try error(
      "/v1/chat/completions",
      #"{"model": "tiny", "messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#,
      400)
  }

  @Test
  func `Clients that leave make room`() throws {
    let harness = try ServingHarness(
      limits: GenerationLimits(maximumSequences: 1, maximumContext: 65_536, maximumQueue: 8))
    // Long enough that nobody would wait for one of them.
    let long = #"{"model": "tiny", "prompt": "the", "max_tokens": 60000, "temperature": 2"#
    let stream = try harness.routes.open("POST", "/v1/completions", long + #", "stream": true}"#)
    _ = try stream.read(until: "data:")
    stream.hangUp()
    let whole = try harness.routes.open("POST", "/v1/completions", long + "}")
    whole.hangUp()
    let answer: JSONValue = try harness.ask(
      "/v1/completions", #"{"model": "tiny", "prompt": "a", "max_tokens": 2}"#)
    #expect(answer["usage"]?["completion_tokens"]?.intValue == 2)
    let written = Mutex(0)
    harness.served.with(harness.model) { model in
      written.withLock { $0 = (try? model.get().engine.load.answerTokens) ?? .max }
    }
    #expect(written.withLock { $0 } < 60_000)
  }

  @Test
  func `Models are listed as OpenAI's clients expect`() throws {
    let harness = try ServingHarness()
    let list = try harness.routes.send("GET", "/v1/openai/models").json()
    #expect(list["data"]?.arrayValue?.first?["id"]?.stringValue == harness.model.id.text)
  }
}

struct PackedModelCacheTests {
  @Test
  func `A model is packed once, mapped after that, and packed anew when its files change`() throws {
    let harness = try RoutesHarness()
    let record = try TinyModel.add(to: harness)
    let source = URL(filePath: harness.folder).appending(path: "model")
    let packed = URL(filePath: harness.folder).appending(path: "packed")
    let cache = PackedModelCache(
      DataFolder(root: harness.folder), embeddings: .int8, logger: Logger(label: "test"))
    func names() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: packed.path)
    }
    func logits() throws -> [Float] {
      let model = try cache.model(record, in: source, team: ComputeTeam(threadCount: 1))
      let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 8)
      return Array(try session.prefill([1, 2, 3], sequence: 0))
    }
    let first = try logits()
    let file = try #require(try names().first)
    #expect(try logits() == first)
    #expect(try names() == [file])

    // Damaged: made again from the model itself.
    try Data("no model".utf8).write(to: packed.appending(path: file))
    #expect(try logits() == first)
    #expect(try names() == [file])

    try FileManager.default.setAttributes(
      [.modificationDate: Date(timeIntervalSince1970: 1)],
      ofItemAtPath: source.appending(path: "model.safetensors").path)
    #expect(try logits() == first)
    #expect(try names().count == 1)
    #expect(try names() != [file])

    cache.sweep(harness.store)
    #expect(try names().count == 1)
    try harness.store.deleteModel(record.id)
    cache.sweep(harness.store)
    #expect(try names().isEmpty)
  }
}

struct AnswerTextTests {
  private let tokenizer: Tokenizer

  init() throws {
    tokenizer = try BytePairTrainer(vocabularySize: 280, specialTokens: [])
      .train(["a stop text in the middle of a text"])
  }

  @Test(arguments: 1...30 as ClosedRange<UInt64>)
  func `Whatever the pieces, the text ends before the first stop text`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let letters = Array("aab日")
    let text = String((0..<60).map { _ in letters.randomElement(using: &random) ?? "a" })
    let stops = (0..<3).map { _ in
      String(
        (0..<Int.random(in: 1...4, using: &random)).map { _ in
          letters.randomElement(using: &random) ?? "a"
        })
    }
    // Bytes one by one, so that characters and stop texts are cut everywhere.
    let tokens = text.utf8.flatMap { byte in
      (0..<Int32(tokenizer.vocabularySize)).first { Array(tokenizer.bytes(of: $0)) == [byte] }
        .map { [$0] } ?? []
    }
    var answer = AnswerText(tokenizer, stops: stops)
    var given = ""
    for token in tokens {
      let piece = answer.append(token)
      given += piece
      if answer.isStopped { break }
    }
    given += answer.finish()
    // Character by character: the first stop text that is whole ends it.
    var soFar = ""
    var first: String.Index?
    for character in text where first == nil {
      soFar.append(character)
      first = stops.compactMap { soFar.range(of: $0)?.lowerBound }.min()
    }
    let expected = first.map { String(soFar[..<$0]) } ?? text
    #expect(given == expected, "seed \(seed)")
    #expect(answer.isStopped == (first != nil), "seed \(seed)")
  }
}
