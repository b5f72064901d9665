internal import Constraints
internal import Foundation
internal import HTTPServer
internal import Inference
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Tokenization

// OpenAI's endpoints, answered by models of this daemon.
extension APIRoutes {
  /// `GET /v1/openai/models`
  func listServedModels(_ call: Call) throws -> HTTPResponse {
    .json(OpenAIWire.models(try services.store.models(limit: 1000)))
  }

  /// `POST /v1/completions`
  func complete(_ call: Call) throws -> HTTPResponse? {
    let request = try call.body { json throws(SpecError) in
      try CompletionRequest.table.read(json)
    }
    let record = try served().record(request.model)
    try served().with(record) { result in
      call.attempt {
        let model = try result.get()
        let prompts = request.prompts.map { prompt in
          switch prompt {
          case .text(let text): model.tokenizer.encodeWithSpecialTokens(text)
          case .tokens(let tokens): tokens
          }
        }
        var style = AnswerStyle(.completion, request.options, model: request.model)
        style.tellsLogprobs = request.logprobs != nil
        style.candidateCount = request.logprobs ?? 0
        style.echoes = request.echoes
        var asked = try GenerationRequest(request.options, model)
        asked.maximumNewTokens =
          request.options.maxTokens ?? CompletionRequest.maxTokensDefault
        asked.topLogprobs = request.logprobs
        asked.wantsPromptLogprobs = request.echoes && request.logprobs != nil
        try call.answer(asked, prompts, request.options, style, model)
      }
    }
    return nil
  }

  /// `POST /v1/chat/completions`
  func chat(_ call: Call) throws -> HTTPResponse? {
    let request = try call.body { json throws(SpecError) in try ChatRequest.table.read(json) }
    let record = try served().record(request.model)
    try served().with(record) { result in
      call.attempt {
        let model = try result.get()
        let prompt = model.tokenizer.encode(try model.text(of: request))
        var style = AnswerStyle(.chat, request.options, model: request.model)
        style.tellsLogprobs = request.wantsLogprobs
        style.candidateCount = request.topLogprobs ?? 0
        style.calls = model.calls(of: request)
        var asked = try GenerationRequest(request.options, model)
        if let grammar = try request.callGrammar(style.calls?.form) {
          asked.constraint = GrammarConstraint(grammar, of: model)
        }
        asked.maximumNewTokens =
          request.options.maxTokens ?? request.maxCompletionTokens ?? .max
        asked.topLogprobs = request.wantsLogprobs ? request.topLogprobs ?? 0 : nil
        try call.answer(asked, [prompt], request.options, style, model)
      }
    }
    return nil
  }

  private func served() throws -> ServedModels {
    guard let models = services.servedModels else {
      throw ProblemKind.notFound.problem("this daemon serves no models: SERVING_MODELS is 0")
    }
    return models
  }
}

extension Call {
  /// Answers with what `body` throws.
  fileprivate func attempt(_ body: () throws -> Void) {
    do {
      try body()
    } catch let refusal as GenerationRefusal {
      respond(Problem(refusal))
    } catch {
      respond(error)
    }
  }

  /// Hands the request to the engine, once for each answer, and answers when they come.
  fileprivate func answer(
    _ asked: GenerationRequest, _ prompts: [[Int32]], _ options: AnswerOptions,
    _ style: AnswerStyle, _ model: ServedModel
  ) throws {
    var requests: [GenerationRequest] = []
    let seed = options.seed ?? .random(in: 0...UInt64.max)
    for prompt in prompts {
      for number in 0..<options.count {
        var request = asked
        request.tokens = prompt
        request.sampling.seed = seed &+ UInt64(number)
        let room = max(0, model.engine.limits.longestSequence - prompt.count)
        request.maximumNewTokens = min(request.maximumNewTokens, max(room, 1))
        requests.append(request)
      }
    }
    let writer = AnswerWriter(
      style: style, tokenizer: model.tokenizer, prompts: requests.map(\.tokens)
    ) { result in
      switch result {
      case .success(let json): respond(.json(json))
      case .failure(let problem): respond(problem)
      }
    }
    var handles: [GenerationHandle] = []
    do {
      for (index, request) in requests.enumerated() {
        handles.append(
          try model.engine.submit(request) { event in
            // The model stays in memory as long as it has something to say.
            withExtendedLifetime(model) { writer.receive(event, index) }
          })
      }
    } catch {
      // All or nothing: those that were taken already are of no use.
      writer.abandon()
      for handle in handles { model.engine.cancel(handle) }
      throw error
    }
    writer.onAbandon { [handles] in
      for handle in handles { model.engine.cancel(handle) }
    }
    if style.isStreamed {
      respond(
        HTTPResponse(
          status: 200,
          headers: [
            ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"),
            ("X-Accel-Buffering", "no"),
          ], body: .stream(writer.makeStream())))
    } else {
      whenClientGone {
        writer.abandon()
        // Nobody reads it, but the connection ends only with an answer.
        respond(ProblemKind.notAvailable.problem("the client has left"))
      }
    }
  }
}

extension AnswerStyle {
  fileprivate init(_ endpoint: Endpoint, _ options: AnswerOptions, model: String) {
    let prefix = endpoint == .chat ? "chatcmpl" : "cmpl"
    self.init(
      endpoint: endpoint,
      head: AnswerHead(
        id: "\(prefix)-\(UUID().uuidString.lowercased())",
        created: Timestamp.now().milliseconds / 1000, model: model),
      naming: TokenNaming(isByID: options.namesTokensByID), stops: options.stop,
      isStreamed: options.isStreamed, includesUsage: options.streamOptions.includesUsage,
      tellsLogprobs: false, candidateCount: 0, echoes: false,
      tellsTokenIDs: options.returnsTokenIDs)
  }
}

extension GenerationRequest {
  /// The request but for its prompt and its length.
  ///
  /// - Throws: 422 for a schema that answers cannot be held to.
  fileprivate init(_ options: AnswerOptions, _ model: ServedModel) throws {
    self.init(tokens: [], maximumNewTokens: 0, stopTokens: model.stopTokens)
    sampling.temperature = Float(options.temperature)
    sampling.topK = options.topK
    sampling.topP = Float(options.topP)
    sampling.minP = Float(options.minP)
    sampling.repetitionPenalty = Float(options.repetitionPenalty)
    sampling.presencePenalty = Float(options.presencePenalty)
    sampling.frequencyPenalty = Float(options.frequencyPenalty)
    sampling.logitBias = options.logitBias.mapValues { Float($0) }
    let grammar: JSONGrammar
    switch options.format {
    case .text: return
    case .jsonObject: grammar = .anyObject
    case .jsonSchema(let schema):
      do throws(SchemaRefusal) {
        grammar = try JSONGrammar(schema: TemplateValue(schema))
      } catch {
        throw Call.invalidBody([
          FieldError(
            pointer: "/response_format/json_schema/schema\(error.pointer)", detail: error.detail)
        ])
      }
    }
    constraint = GrammarConstraint(grammar, of: model)
  }
}

extension GrammarConstraint {
  fileprivate init(_ grammar: JSONGrammar, of model: ServedModel) {
    self.init(grammar, tokens: model.tokenBytes, stopTokens: Array(model.stopTokens).sorted())
  }
}

extension ChatRequest {
  /// What the answer is held to when it must be a call; nil when it need not.
  ///
  /// - Throws: 422 when the model has no form of calls that is known, or a function's schema cannot
  ///   be kept.
  fileprivate func callGrammar(_ form: ToolCallForm?) throws -> JSONGrammar? {
    let wanted: [(index: Int, name: String, parameters: JSONValue?)] =
      functions.enumerated().compactMap { index, function in
        switch toolChoice {
        case .none, .auto: nil
        case .function(let name) where name != function.name: nil
        case .required, .function: (index, function.name, function.parameters)
        }
      }
    if wanted.isEmpty { return nil }
    guard let form else {
      throw Call.invalidBody([
        FieldError(
          pointer: "/tool_choice",
          detail: "the model's chat template shows no form of calls that is known here, so that "
            + "only \"auto\" and \"none\" can be kept")
      ])
    }
    do throws(FunctionRefusal) {
      return try JSONGrammar(
        calling: wanted.map {
          JSONGrammar.Function(name: $0.name, parameters: $0.parameters.map { TemplateValue($0) })
        }, opening: form.grammarOpening, argumentsName: form.argumentsName,
        closing: form.grammarClosing)
    } catch {
      throw Call.invalidBody([
        FieldError(
          pointer: "/tools/\(wanted[error.index].index)/function/parameters"
            + error.schema.pointer, detail: error.schema.detail)
      ])
    }
  }
}

extension ServedModel {
  /// How calls are found in the answer; nil where there can be none.
  fileprivate func calls(of request: ChatRequest) -> (form: ToolCallForm, names: Set<String>)? {
    let names = Set(request.functions.map(\.name))
    guard request.toolChoice != .none, !names.isEmpty, let template,
      let form = ToolCallForm(template: template.template.source)
    else { return nil }
    return (form, names)
  }

  /// The text of a chat, by the model's own template.
  ///
  /// - Throws: 422 when there is none, or it does not take these messages.
  fileprivate func text(of request: ChatRequest) throws -> String {
    guard let template else {
      throw ProblemKind.invalidBody.problem(
        "the model has no chat template; ask POST /v1/completions, or put a "
          + "chat_template.jinja into its folder")
    }
    do {
      var variables = template.variables
      for (name, value) in request.templateVariables {
        variables[name] = TemplateValue(value)
      }
      let tools = request.toolChoice == .none ? nil : request.tools
      return try template.template.render(
        messages: request.messages.map { TemplateValue($0) },
        tools: tools?.map { TemplateValue($0) }, addGenerationPrompt: true,
        variables: variables)
    } catch {
      throw ProblemKind.invalidBody.problem(
        "/messages: \(error)", errors: [FieldError(pointer: "/messages", detail: "\(error)")])
    }
  }
}

extension Problem {
  /// The answer to a request that the engine does not take.
  init(_ refusal: GenerationRefusal) {
    let text = "\(refusal)"
    self =
      switch refusal {
      case .queueFull: ProblemKind.queueIsFull.problem(text + "; try again later")
      case .shuttingDown: ProblemKind.notAvailable.problem(text)
      case .promptTooLong: ProblemKind.contextLengthExceeded.problem(text)
      case .emptyPrompt, .tokenOutOfRange:
        Call.invalidBody([FieldError(pointer: "/prompt", detail: text)])
      case .invalidOption(let name, let expected):
        Call.invalidBody([FieldError(pointer: "/\(name)", detail: "must be \(expected)")])
      }
  }
}

extension TemplateValue {
  /// The same value.
  init(_ json: JSONValue) {
    self =
      switch json {
      case .null: .null
      case .bool(let flag): .bool(flag)
      case .int(let number): .int(Int(number))
      case .double(let number): .double(number)
      case .string(let text): .string(text)
      case .array(let items): .array(items.map { TemplateValue($0) })
      case .object(let members): .object(members.map { Member($0.0, TemplateValue($0.1)) })
      }
  }
}
