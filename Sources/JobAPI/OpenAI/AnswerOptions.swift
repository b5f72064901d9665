// What both of OpenAI's endpoints take, and vLLM's additions that clients of ours may want.
//
// `null` says the same as leaving a field out, as OpenAI has it. Fields that are of no effect here
// are accepted; fields that would change the answer and are not supported are refused by name.

package import Jobs

/// How an answer is drawn, where it ends, and how it is sent.
package struct AnswerOptions: Equatable, Sendable {
  /// Nil: until the model ends it or the context is full, but 16 for completions of a text.
  package var maxTokens: Int?
  package var temperature: Double = 1
  package var topP: Double = 1
  package var topK: Int = 0
  package var minP: Double = 0
  package var repetitionPenalty: Double = 1
  package var presencePenalty: Double = 0
  package var frequencyPenalty: Double = 0
  package var logitBias: [Int32: Double] = [:]
  /// Nil draws one.
  package var seed: UInt64?
  /// Texts that end the answer and are no part of it.
  package var stop: [String] = []
  /// Answers to each prompt.
  package var count: Int = 1
  package var isStreamed: Bool = false
  package var streamOptions = StreamOptions()
  package var format: AnswerFormat = .text
  /// Whether the answer names tokens by id as well.
  package var returnsTokenIDs: Bool = false
  /// Whether log-probabilities name tokens as `token_id:17`, which leaves no doubt.
  package var namesTokensByID: Bool = false
  /// Where fields of no effect are put.
  var unused: JSONValue?

  /// OpenAI's defaults.
  package init() {}

  static let fields: [Field<AnswerOptions>] = [
    .optional("max_tokens", \.maxTokens, .integer(0...1_048_576), "Tokens of the answer at most."),
    .field("temperature", \.temperature, .number(0...2).orLeftOut, "0 takes the likeliest token."),
    .field("top_p", \.topP, .number(above: 0, through: 1).orLeftOut, "Mass that is drawn from."),
    .field("top_k", \.topK, .topK, "Tokens that are drawn from; 0 and -1 keep all."),
    .field("min_p", \.minP, .number(0...1).orLeftOut, "Least share of the likeliest token's."),
    .field(
      "repetition_penalty", \.repetitionPenalty, .number(above: 0, through: 100).orLeftOut,
      "Above 1 makes tokens of prompt and answer less likely."),
    .field(
      "presence_penalty", \.presencePenalty, .number(-2...2).orLeftOut,
      "Taken from the logit of tokens that the answer holds."),
    .field(
      "frequency_penalty", \.frequencyPenalty, .number(-2...2).orLeftOut,
      "The same for each time that it holds them."),
    .field("logit_bias", \.logitBias, .logitBias, "Added to logits, by token id."),
    .optional("seed", \.seed, .anySeed, "The same request and seed give the same answer."),
    .field("stop", \.stop, .stopTexts, "One text or up to 16 that end the answer."),
    .field("n", \.count, .integer(1...64).orLeftOut, "Answers to each prompt."),
    .field("stream", \.isStreamed, .boolean.orLeftOut, "Whether the answer is sent as it comes."),
    .field(
      "stream_options", \.streamOptions, StreamOptions.table.shape.orLeftOut,
      "What a stream tells beside the answer."),
    .field("response_format", \.format, .answerFormat, "Text, JSON, or JSON by a schema."),
    .field(
      "return_token_ids", \.returnsTokenIDs, .boolean.orLeftOut,
      "Whether prompt and answer are also given as token ids."),
    .field(
      "return_tokens_as_token_ids", \.namesTokensByID, .boolean.orLeftOut,
      "Whether log-probabilities name tokens as token_id:17 instead of by their text."),
  ]

  /// Fields of OpenAI's API that change nothing here.
  static func unusedFields(_ names: [String]) -> [Field<AnswerOptions>] {
    names.map { .optional($0, \.unused, .any([:]), "Accepted, and of no effect.") }
  }
}

/// `stream_options` of a request.
package struct StreamOptions: Equatable, Sendable {
  /// Whether a last chunk tells the tokens that were used.
  package var includesUsage: Bool = false
  var unused: JSONValue?

  static let table = FieldTable(
    "StreamOptions", "What a stream tells beside the answer.", initial: StreamOptions(),
    fields: [
      .field(
        "include_usage", \.includesUsage, .boolean.orLeftOut,
        "Whether a last chunk tells the tokens that were used."),
      .optional("include_obfuscation", \.unused, .any([:]), "Accepted, and of no effect."),
    ])
}

/// What an answer must look like.
package enum AnswerFormat: Equatable, Sendable {
  case text
  /// Any JSON object.
  case jsonObject
  /// JSON that a schema describes.
  case jsonSchema(JSONValue)
}

extension Shape {
  /// The same, or null for what stands when it is left out.
  var orLeftOut: Shape {
    Shape(
      read: { json, base, pointer, errors in
        if json == .null, let base { return base }
        return self.read(json, base, pointer, &errors)
      }, write: write, schema: schema.orNull)
  }
}

extension Shape where Value == Int {
  fileprivate static var topK: Shape {
    let shape = integer(-1...1_000_000).orLeftOut
    return Shape(
      read: { json, base, pointer, errors in
        shape.read(json, base, pointer, &errors).map { max(0, $0) }
      }, write: shape.write, schema: shape.schema)
  }
}

extension Shape where Value == UInt64 {
  /// Any 64-bit integer; negative ones count as their bits do.
  fileprivate static var anySeed: Shape {
    Shape(
      "an integer", schema: ["type": "integer"],
      parse: { json in json.intValue.map { UInt64(bitPattern: $0) } },
      write: { .int(Int64(bitPattern: $0)) })
  }
}

extension Shape where Value == [String] {
  fileprivate static var stopTexts: Shape {
    let one = Shape<String>.text(1...1000)
    let several = Shape.array(of: one, 0...16)
    return Shape(
      read: { json, base, pointer, errors in
        if json == .null { return [] }
        if case .string = json { return one.read(json, nil, pointer, &errors).map { [$0] } }
        return several.read(json, base, pointer, &errors)
      }, write: several.write,
      schema: ["anyOf": [one.schema, several.schema, ["type": "null"]]])
  }
}

extension Shape where Value == [Int32: Double] {
  fileprivate static var logitBias: Shape {
    Shape(
      "an object of token ids with numbers from -100 to 100, 1,000 at most",
      schema: [
        "type": ["object", "null"], "maxProperties": 1000,
        "additionalProperties": ["type": "number", "minimum": -100, "maximum": 100],
      ],
      parse: { json in
        if json == .null { return [:] }
        guard case .object(let members) = json, members.count <= 1000 else { return nil }
        var biases: [Int32: Double] = [:]
        for (name, value) in members {
          guard let token = Int32(name), token >= 0, let bias = value.doubleValue,
            abs(bias) <= 100
          else { return nil }
          biases[token] = bias
        }
        return biases
      },
      write: { biases in
        .object(
          JSONObject(biases.sorted { $0.key < $1.key }.map { ("\($0.key)", .double($0.value)) }))
      })
  }
}

extension Shape where Value == AnswerFormat {
  fileprivate static var answerFormat: Shape {
    Shape(
      """
      {"type": "text"}, {"type": "json_object"} or \
      {"type": "json_schema", "json_schema": {"schema": {…}}}
      """,
      schema: [
        "type": ["object", "null"],
        "properties": [
          "type": ["enum": ["text", "json_object", "json_schema"]],
          "json_schema": [
            "type": "object",
            "properties": ["name": Wire.text, "schema": Wire.object, "strict": Wire.boolean],
            "required": ["schema"],
          ],
        ], "required": ["type"],
      ],
      parse: { json in
        if json == .null { return .text }
        switch json["type"]?.stringValue {
        case "text": return .text
        case "json_object": return .jsonObject
        case "json_schema":
          guard let schema = json["json_schema"]?["schema"], case .object = schema else {
            return nil
          }
          return .jsonSchema(schema)
        default: return nil
        }
      },
      write: { format in
        switch format {
        case .text: ["type": "text"]
        case .jsonObject: ["type": "json_object"]
        case .jsonSchema(let schema):
          ["type": "json_schema", "json_schema": ["name": "answer", "schema": schema]]
        }
      })
  }
}
