internal import Foundation
internal import HTTPServer
internal import Inference
internal import JobAPI
internal import Jobs
internal import Synchronization
internal import Tokenization

/// What kind of answer a client wants, and how.
struct AnswerStyle: Sendable {
  enum Endpoint: Sendable { case completion, chat }

  var endpoint: Endpoint
  var head: AnswerHead
  var naming: TokenNaming
  var stops: [String]
  var isStreamed: Bool
  var includesUsage: Bool
  /// Whether answers tell log-probabilities.
  var tellsLogprobs: Bool
  /// How many candidates a place tells.
  var candidateCount: Int
  /// Whether answers begin with their prompts.
  var echoes: Bool
  var tellsTokenIDs: Bool
  /// How the model calls functions, and which there are; nil when it may call none.
  var calls: (form: ToolCallForm, names: Set<String>)?
}

/// Turns the events of one request's answers into what its client is sent.
///
/// Events come on the engine's thread, one after the other; the connection's thread takes what is
/// to be sent.
final class AnswerWriter: Sendable {
  /// One answer on its way.
  fileprivate struct Answer {
    var text: AnswerText
    /// nil when no functions may be called.
    var reader: ToolCallReader?
    let prompt: [Int32]
    /// What has not been sent yet.
    var pendingText = ""
    var pendingCalls: [ToolCall] = []
    var callCount = 0
    var pendingTokens: [AnswerToken] = []
    var pendingIDs: [Int32] = []
    var sentCodePoints = 0
    var isBegun = false
    var finish: String?
    var usage = AnswerUsage()
  }

  private struct State {
    var answers: [Answer] = []
    var unfinished: Int
    var failure: Problem?
    /// Chunks that the connection has not taken yet.
    var outgoing: [UInt8] = []
    var isComplete = false
    var cancel: (@Sendable () -> Void)?
    var isAbandoned = false
  }

  private let style: AnswerStyle
  private let tokenizer: Tokenizer
  private let state: Mutex<State>
  /// Called once, when all answers are there or one failed, and nothing is streamed.
  private let whenDone: @Sendable (Result<JSONValue, Problem>) -> Void
  /// Woken when there is more to send.
  private let stream = Mutex<HTTPStream?>(nil)

  /// - Parameter prompts: of each answer.
  init(
    style: AnswerStyle, tokenizer: Tokenizer, prompts: [[Int32]],
    whenDone: @escaping @Sendable (Result<JSONValue, Problem>) -> Void
  ) {
    self.style = style
    self.tokenizer = tokenizer
    self.whenDone = whenDone
    var state = State(unfinished: prompts.count)
    for prompt in prompts {
      var answer = Answer(
        text: AnswerText(tokenizer, stops: style.stops),
        reader: style.calls.map { ToolCallReader($0.form, names: $0.names) }, prompt: prompt)
      if style.echoes { answer.pendingText = tokenizer.decode(prompt) }
      state.answers.append(answer)
    }
    self.state = Mutex(state)
  }

  // MARK: - The engine's thread

  /// Takes an event of answer number `index`.
  func receive(_ event: GenerationEvent, _ index: Int) -> GenerationAppetite {
    let (appetite, result) = state.withLock { state -> (GenerationAppetite, DoneResult?) in
      guard !state.isAbandoned else { return (.enough, nil) }
      let appetite = state.answers[index].take(event, style, tokenizer)
      switch event {
      case .finished:
        state.unfinished -= 1
      case .failed(let failure):
        state.unfinished -= 1
        state.failure = state.failure ?? Self.problem(failure)
      case .prompt, .token: break
      }
      return (appetite, send(index, &state))
    }
    stream.withLock { $0 }?.wake()
    if let result { whenDone(result) }
    return appetite
  }

  private typealias DoneResult = Result<JSONValue, Problem>

  /// Puts what can be sent where the connection takes it.
  ///
  /// - Returns: the whole answer when it is to be sent at once, and is there.
  private func send(_ index: Int, _ state: inout State) -> DoneResult? {
    let isOver = state.unfinished == 0
    guard style.isStreamed else {
      guard isOver else { return nil }
      state.cancel = nil
      if let failure = state.failure { return .failure(failure) }
      let usage = Self.total(state.answers)
      let choices = state.answers.indices.map { state.answers[$0].part($0, style) }
      return .success(json(choices, usage: usage, isChunk: false))
    }
    if state.answers[index].hasNews(style) {
      let part = state.answers[index].part(index, style)
      append(json([part], usage: style.includesUsage ? .some(nil) : nil), &state)
    }
    if let failure = state.failure, !state.isComplete {
      append(OpenAIWire.error(failure), &state)
      state.isComplete = true
    } else if isOver, !state.isComplete {
      if style.includesUsage {
        append(json([], usage: .some(Self.total(state.answers))), &state)
      }
      state.outgoing += "data: [DONE]\n\n".utf8
      state.isComplete = true
    }
    if state.isComplete { state.cancel = nil }
    return nil
  }

  private func append(_ json: JSONValue, _ state: inout State) {
    state.outgoing += "data: ".utf8
    json.write(to: &state.outgoing)
    state.outgoing += "\n\n".utf8
  }

  private func json(_ parts: [Part], usage: AnswerUsage??, isChunk: Bool = true) -> JSONValue {
    switch style.endpoint {
    case .completion:
      CompletionWire.json(
        style.head, parts.map(\.completion), naming: style.naming, usage: usage)
    case .chat where isChunk:
      ChatWire.chunk(style.head, parts.map(\.chat), naming: style.naming, usage: usage)
    case .chat:
      ChatWire.answer(
        style.head, parts.map(\.chat), naming: style.naming, usage: (usage ?? nil) ?? .init())
    }
  }

  private static func total(_ answers: [Answer]) -> AnswerUsage {
    var total = AnswerUsage()
    for answer in answers {
      total.promptTokens += answer.usage.promptTokens
      total.cachedTokens += answer.usage.cachedTokens
      total.answerTokens += answer.usage.answerTokens
    }
    return total
  }

  private static func problem(_ failure: GenerationFailure) -> Problem {
    switch failure {
    case .notFinite:
      ProblemKind.internalError.problem("the model's logits are not numbers: it is damaged")
    case .constraintDeadEnd:
      ProblemKind.internalError.problem("no token of the model goes on with response_format")
    }
  }

  // MARK: - Other threads

  /// What ends the requests when the client leaves.
  func onAbandon(_ cancel: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      if state.isAbandoned { return true }
      if state.unfinished > 0 { state.cancel = cancel }
      return false
    }
    if isLate { cancel() }
  }

  /// The client has left.
  func abandon() {
    let cancel = state.withLock { state in
      state.isAbandoned = true
      defer { state.cancel = nil }
      return state.cancel
    }
    cancel?()
  }

  /// The answer as server-sent events.
  func makeStream() -> HTTPStream {
    let made = HTTPStream(onClose: { [self] in
      abandon()
      // The stream holds this writer, and this writer the stream: one must let go.
      stream.withLock { $0 = nil }
    }) { [self] _ in
      state.withLock { state in
        if !state.outgoing.isEmpty {
          defer { state.outgoing = [] }
          return .data(state.outgoing)
        }
        return state.isComplete ? .end : .wait
      }
    }
    stream.withLock { $0 = made }
    return made
  }

  // MARK: - Parts

  /// A part of an answer in either endpoint's form.
  fileprivate struct Part {
    var completion: CompletionWire.Choice
    var chat: ChatWire.Choice
  }
}

extension AnswerWriter.Answer {
  /// Adds an event's news to what is to be sent.
  mutating func take(
    _ event: GenerationEvent, _ style: AnswerStyle, _ tokenizer: Tokenizer
  ) -> GenerationAppetite {
    switch event {
    case .prompt(let logprobs):
      guard style.echoes, style.tellsLogprobs else { return .more }
      pendingTokens = zip(prompt, logprobs).map { token, logprobs in
        style.token(token, logprobs, tokenizer)
      }
      return .more
    case .token(let token, let logprobs):
      let news = text.append(token)
      if let parts = reader?.append(news) { take(parts, style) } else { pendingText += news }
      if style.tellsLogprobs { pendingTokens.append(style.token(token, logprobs, tokenizer)) }
      pendingIDs.append(token)
      return text.isStopped ? .enough : .more
    case .finished(let reason, let used):
      let rest = text.finish()
      if let parts = reader?.append(rest) { take(parts, style) } else { pendingText += rest }
      take(reader?.finish() ?? [], style)
      finish = reason == .length ? "length" : callCount > 0 ? "tool_calls" : "stop"
      usage.promptTokens = used.promptTokens
      usage.cachedTokens = used.reusedPromptTokens
      usage.answerTokens = used.answerTokens
      return .enough
    case .failed: return .enough
    }
  }

  private mutating func take(_ parts: [ToolCallReader.Part], _ style: AnswerStyle) {
    for part in parts {
      switch part {
      case .text(let text): pendingText += text
      case .call(let name, let arguments):
        pendingCalls.append(
          ToolCall(
            index: callCount, id: "call_\(UUID().uuidString.lowercased())", name: name,
            arguments: arguments))
        callCount += 1
      }
    }
  }

  /// Whether a chunk should be sent now.
  func hasNews(_ style: AnswerStyle) -> Bool {
    finish != nil || !pendingText.isEmpty || !pendingCalls.isEmpty
  }

  /// Takes what is to be sent.
  mutating func part(_ index: Int, _ style: AnswerStyle) -> AnswerWriter.Part {
    var completion = CompletionWire.Choice(index: index)
    completion.text = pendingText
    completion.offset = sentCodePoints
    completion.tokens = style.tellsLogprobs ? pendingTokens : nil
    completion.finishReason = finish
    if style.tellsTokenIDs {
      completion.promptTokenIDs = isBegun ? nil : prompt
      completion.tokenIDs = pendingIDs
    }
    var chat = ChatWire.Choice(index: index)
    chat.text = completion.text
    chat.calls = pendingCalls
    chat.tokens = completion.tokens
    chat.finishReason = finish
    chat.promptTokenIDs = completion.promptTokenIDs
    chat.tokenIDs = completion.tokenIDs
    chat.isFirst = !isBegun
    sentCodePoints += pendingText.unicodeScalars.count
    pendingText = ""
    pendingCalls = []
    pendingTokens = []
    pendingIDs = []
    isBegun = true
    return AnswerWriter.Part(completion: completion, chat: chat)
  }
}

extension AnswerStyle {
  /// A token with what its client wants to know of it.
  fileprivate func token(
    _ token: Int32, _ logprobs: TokenLogprobs?, _ tokenizer: Tokenizer
  ) -> AnswerToken {
    AnswerToken(
      token: token, bytes: Array(tokenizer.bytes(of: token)),
      logprob: logprobs.map { Double($0.logprob) },
      candidates: (logprobs?.top ?? []).prefix(candidateCount).map { candidate in
        AnswerToken.Candidate(
          token: candidate.token, bytes: Array(tokenizer.bytes(of: candidate.token)),
          logprob: Double(candidate.logprob))
      })
  }
}
