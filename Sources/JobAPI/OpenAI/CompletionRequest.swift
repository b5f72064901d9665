internal import Jobs

/// The body of `POST /v1/completions`.
package struct CompletionRequest: Equatable, Sendable {
  /// A prompt as text, or as tokens of the model.
  package enum Prompt: Equatable, Sendable {
    case text(String)
    case tokens([Int32])
  }

  package var model: String = ""
  package var prompts: [Prompt] = [.text("")]
  package var options = AnswerOptions()
  /// Whether the answer begins with the prompt.
  package var echoes: Bool = false
  /// Of how many tokens in each place the log-probabilities are told; nil: none.
  package var logprobs: Int?
  var bestOf: Int?

  /// Of a text, OpenAI's endpoint writes 16 tokens when nothing else is asked for.
  package static let maxTokensDefault = 16

  /// How the body is read.
  package static let table = FieldTable(
    "CompletionRequest", "A text to be gone on with, as OpenAI's clients ask for it.",
    initial: CompletionRequest(),
    check: { request, pointer in
      request.prompts.count * request.options.count > answerCountMax
        ? [
          pointer.member("n").fault(
            "prompts times n may be \(answerCountMax) at most, not "
              + "\(request.prompts.count * request.options.count)")
        ] : []
    },
    fields: [
      .required("model", \.model, .text(1...200), "A model: mdl_…, job_…, or its name."),
      .required("prompt", \.prompts, .prompts, "Text or token ids, one or an array of them."),
      .field("echo", \.echoes, .boolean.orLeftOut, "Whether the answer begins with the prompt."),
      .optional(
        "logprobs", \.logprobs, .integer(0...64),
        "Of how many tokens in each place the log-probabilities are told."),
      .optional("best_of", \.bestOf, .integer(1...1), "Only 1: every answer is returned."),
    ] + AnswerOptions.fields.map { $0.within(\.options) }
      + AnswerOptions.unusedFields(["user"]).map { $0.within(\.options) })

  /// Answers of one request at most.
  static let answerCountMax = 256
}

extension Shape where Value == [CompletionRequest.Prompt] {
  fileprivate static var prompts: Shape {
    let expectation =
      "a string, an array of strings, an array of token ids, or an array of such arrays"
    return Shape(
      expectation,
      schema: [
        "anyOf": [
          Wire.text, Wire.list(of: Wire.text), Wire.list(of: Wire.integer),
          Wire.list(of: Wire.list(of: Wire.integer)),
        ], "description": .string(expectation),
      ],
      parse: { json in
        if case .string(let text) = json { return [.text(text)] }
        guard let elements = json.arrayValue, let first = elements.first else { return nil }
        switch first {
        case .string:
          let texts = elements.compactMap(\.stringValue)
          return texts.count == elements.count ? texts.map { .text($0) } : nil
        case .array:
          let lists = elements.compactMap { $0.arrayValue.flatMap(tokens) }
          return lists.count == elements.count ? lists.map { .tokens($0) } : nil
        default: return tokens(elements).map { [.tokens($0)] }
        }
      },
      write: { prompts in
        .array(
          prompts.map { prompt in
            switch prompt {
            case .text(let text): .string(text)
            case .tokens(let tokens): .array(tokens.map { .int(Int64($0)) })
            }
          })
      })
  }

  private static func tokens(_ elements: [JSONValue]) -> [Int32]? {
    let tokens = elements.compactMap { $0.intValue.flatMap { Int32(exactly: $0) } }
    return tokens.count == elements.count ? tokens : nil
  }
}
