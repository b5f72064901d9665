import Inference
import Kernels
import Testing
import Transformer

struct InferenceSessionTests {
  let team = ComputeTeam(threadCount: 2)

  /// The logits of every position by training's forward pass, `[tokens.count, V]`.
  private func trainingLogits(
    _ fixture: Fixture, _ tokens: [Int32], bits: ActivationBits? = nil
  ) throws -> [Float] {
    let configuration = fixture.configuration
    let transformer = try Transformer(
      configuration: configuration, parameters: fixture.parameters(), gradients: nil,
      maximumSequences: 1, maximumLength: tokens.count, team: team)
    if let bits { transformer.activationBits = bits }
    transformer.quantizeWeights()
    let hidden = transformer.forward(
      TokenBatch(
        sequences: 1, length: tokens.count, tokens: tokens, lengths: [Int32(tokens.count)]))
    var logits = [Float](repeating: 0, count: tokens.count * configuration.vocabSize)
    withExtendedLifetime(transformer) {
      productNT(
        hidden, transformer.headWeights, into: &logits, m: tokens.count,
        n: configuration.vocabSize, k: configuration.hiddenSize, accumulate: false,
        precision: .fp32, team: team)
    }
    return logits
  }

  private func scored(_ session: InferenceSession, _ tokens: [Int32]) throws -> [Float] {
    var logits: [Float] = []
    let vocabulary = session.model.configuration.vocabSize
    try session.score(tokens, sequence: 0) { positions, part in
      logits += UnsafeBufferPointer(start: part, count: positions.count * vocabulary)
    }
    return logits
  }

  /// Logits here are below 10, and sums in another order differ in the last bits; where such a bit
  /// tips one code of a ternary model over, the output moves by one quantization step of one input.
  private func expectClose(
    _ a: [Float], _ b: [Float], tolerance: Float = 2e-3,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(a.count == b.count, sourceLocation: sourceLocation)
    let worst = zip(a, b).map { abs($0 - $1) }.max() ?? 0
    #expect(
      worst <= tolerance, "the largest difference is \(worst)", sourceLocation: sourceLocation)
  }

  @Test(arguments: Fixture.allCases)
  func `logits equal those of training's forward pass`(fixture: Fixture) throws {
    let tokens = randomTokens(23, vocabulary: fixture.configuration.vocabSize, seed: 8)
    let expected = try trainingLogits(fixture, tokens)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: 64, cachePrecision: .fp32, team: team)
    expectClose(try scored(session, tokens), expected)
  }

  @Test func `four-bit activations equal training's`() throws {
    let fixture = Fixture.student
    let tokens = randomTokens(17, vocabulary: fixture.configuration.vocabSize, seed: 9)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
    model.activationBits = .four
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: 64, cachePrecision: .fp32, team: team)
    // One code of four bits is worth sixteen of eight.
    expectClose(
      try scored(session, tokens), try trainingLogits(fixture, tokens, bits: .four),
      tolerance: 3e-2)
  }

  @Test(arguments: Fixture.allCases, InstructionSet.available)
  func `token by token, in chunks and at once give the same logits`(
    fixture: Fixture, set: InstructionSet
  ) throws {
    let vocabulary = fixture.configuration.vocabSize
    let tokens = randomTokens(40, vocabulary: vocabulary, seed: 10)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 3, maximumLength: 64, cachePrecision: .fp32, team: team,
      instructionSet: set)
    let atOnce = try scored(session, tokens)
    var oneByOne: [Float] = []
    for token in tokens { oneByOne += try session.prefill([token], sequence: 1) }
    expectClose(oneByOne, atOnce)
    _ = try session.prefill(Array(tokens[..<33]), sequence: 2)
    let last = try session.prefill(Array(tokens[33...]), sequence: 2)
    expectClose(Array(last), Array(atOnce.suffix(vocabulary)))
  }

  /// A prompt of many rows attends to floats that were made of the cache's halves.
  @Test(arguments: [Fixture.student, .qwen3], InstructionSet.available)
  func `a long prompt gives the bits of its tokens one by one`(
    fixture: Fixture, set: InstructionSet
  ) throws {
    let vocabulary = fixture.configuration.vocabSize
    let tokens = randomTokens(75, vocabulary: vocabulary, seed: 12)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .int8,
      team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 3, maximumLength: 128, cachePrecision: .fp16, team: team,
      instructionSet: set)
    _ = try session.prefill([(2, Array(tokens[..<9])), (0, tokens)])
    let atOnce = try session.prefill([5], sequence: 0)
    let expected = Array(atOnce)
    for token in tokens { _ = try session.prefill([token], sequence: 1) }
    #expect(Array(try session.prefill([5], sequence: 1)) == expected)
  }

  @Test(arguments: [Fixture.llama, .student])
  func `sequences that run together do not see each other`(fixture: Fixture) throws {
    let vocabulary = fixture.configuration.vocabSize
    let prompts = (0..<5).map {
      randomTokens(3 + 7 * $0, vocabulary: vocabulary, seed: 20 + UInt64($0))
    }
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
    func session(_ sequences: Int) -> InferenceSession {
      InferenceSession(
        model: model, maximumSequences: sequences, maximumLength: 64, cachePrecision: .fp32,
        team: team)
    }
    let together = session(5)
    var logits = try together.prefill(prompts.enumerated().map { ($0.offset, $0.element) })
    let first = Array(UnsafeBufferPointer(start: logits, count: 5 * vocabulary))
    logits = try together.decode((0..<5).map { ($0, Int32($0)) })
    let second = Array(UnsafeBufferPointer(start: logits, count: 5 * vocabulary))
    for (index, prompt) in prompts.enumerated() {
      let alone = session(1)
      let part = index * vocabulary..<(index + 1) * vocabulary
      expectClose(Array(try alone.prefill(prompt, sequence: 0)), Array(first[part]))
      expectClose(Array(try alone.prefill([Int32(index)], sequence: 0)), Array(second[part]))
    }
  }

  @Test func `half precision in cache and weights changes little`() throws {
    let fixture = Fixture.qwen3
    let tokens = randomTokens(30, vocabulary: fixture.configuration.vocabSize, seed: 11)
    let expected = try trainingLogits(fixture, tokens)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: 64, team: team)
    // Weights keep 8 bits: each layer is off by about 2^-9 of values near 1.
    expectClose(try scored(session, tokens), expected, tolerance: 0.1)
  }

  @Test(arguments: [Fixture.llama, .qwen3], InstructionSet.available)
  func `a cache of codes changes little`(fixture: Fixture, set: InstructionSet) throws {
    let tokens = randomTokens(70, vocabulary: fixture.configuration.vocabSize, seed: 12)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
    let logits = try [CachePrecision.fp32, .int8].map { precision in
      try scored(
        InferenceSession(
          model: model, maximumSequences: 1, maximumLength: 96, cachePrecision: precision,
          team: team, instructionSet: set), tokens)
    }
    let squares = zip(logits[0], logits[1]).reduce((0.0, 0.0)) {
      ($0.0 + Double($1.0 * $1.0), $0.1 + Double(($1.0 - $1.1) * ($1.0 - $1.1)))
    }
    // A code is off by at most a 254th of the largest of its vector.
    #expect((squares.1 / squares.0).squareRoot() < 0.02)
    #expect(squares.1 > 0)
  }

  @Test func `a known beginning is not computed again and changes nothing`() throws {
    let fixture = Fixture.student
    let tokens = randomTokens(80, vocabulary: fixture.configuration.vocabSize, seed: 13)
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 3, maximumLength: 96, sharesBeginnings: true, team: team)
    #expect(session.begin(tokens, sequence: 0) == 0)
    let expected = Array(try session.prefill(tokens, sequence: 0))
    // Two whole pages; the third is not full.
    #expect(session.begin(tokens, sequence: 1) == 64)
    expectClose(Array(try session.prefill(Array(tokens[64...]), sequence: 1)), expected)
    // They outlive the sequences that computed them, and another text takes what it shares.
    session.reset(0)
    session.reset(1)
    #expect(session.cachePositions.held == 0)
    let other = Array(tokens[..<40]) + randomTokens(30, vocabulary: 71, seed: 14)
    #expect(session.begin(other, sequence: 2) == 32)
    let shared = Array(try session.prefill(Array(other[32...]), sequence: 2))
    let alone = InferenceSession(model: model, maximumSequences: 1, maximumLength: 96, team: team)
    expectClose(shared, Array(try alone.prefill(other, sequence: 0)))
    // The last token has to run: nothing else gives its logits.
    #expect(session.begin(Array(tokens[..<64]), sequence: 0) == 32)
  }

  @Test(arguments: [Fixture.llama, .student])
  func `several sequences are scored in shared passes as each is alone`(fixture: Fixture) throws {
    let configuration = fixture.configuration
    let model = try InferenceModel(
      configuration: configuration, parameters: fixture.parameters(), storage: .fp32, team: team)
    // More rows than run at once, so that sequences lie across passes.
    let texts = [3, 300, 1, 40].enumerated().map {
      randomTokens($1, vocabulary: configuration.vocabSize, seed: 20 + UInt64($0))
    }
    let starts = [0, 250, 0, 39]
    let session = InferenceSession(
      model: model, maximumSequences: 4, maximumLength: 300, team: team)
    // A beginning that is there already counts as position, not as a place.
    _ = try session.prefill(Array(texts[3].prefix(10)), sequence: 3)
    var places: [[Int]] = [[], [], [], []]
    var logits: [[Float]] = [[], [], [], []]
    try session.score(
      [
        (0, texts[0], starts[0]), (1, texts[1], starts[1]), (2, texts[2], starts[2]),
        (3, Array(texts[3].dropFirst(10)), starts[3] - 10),
      ]
    ) { found, rows in
      for (row, place) in found.enumerated() {
        places[place.prompt].append(place.offset)
        logits[place.prompt] += UnsafeBufferPointer(
          start: rows + row * configuration.vocabSize, count: configuration.vocabSize)
      }
    }
    for (index, text) in texts.enumerated() {
      let skipped = index == 3 ? 10 : 0
      #expect(places[index] == Array(starts[index] - skipped..<text.count - skipped))
      #expect(session.length(of: index) == text.count)
      let alone = InferenceSession(
        model: model, maximumSequences: 1, maximumLength: 300, team: team)
      let expected = try scored(alone, text).dropFirst(starts[index] * configuration.vocabSize)
      expectClose(logits[index], Array(expected))
    }
  }

  @Test func `a cache that is too small for all says so and serves those that fit`() throws {
    let fixture = Fixture.llama
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), team: team)
    let session = InferenceSession(
      model: model, maximumSequences: 3, maximumLength: 64, cachePositions: 96, team: team)
    let tokens = randomTokens(60, vocabulary: fixture.configuration.vocabSize, seed: 15)
    _ = try session.prefill(tokens, sequence: 0)
    #expect(session.cachePositions.held == 64)
    #expect(throws: InferenceError.cacheFull(needed: 33, free: 32)) {
      _ = try session.prefill(Array(tokens[..<33]), sequence: 1)
    }
    _ = try session.prefill(Array(tokens[..<32]), sequence: 1)
    #expect(!session.reserve(1, sequence: 2))
    session.reset(0)
    #expect(session.reserve(64, sequence: 2))
  }

  @Test func `requests that cannot be served are refused and change nothing`() throws {
    let fixture = Fixture.llama
    let model = try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), team: team)
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 4, team: team)
    _ = try session.prefill([1, 2, 3], sequence: 0)
    #expect(throws: InferenceError.emptyPrompt) { _ = try session.prefill([], sequence: 0) }
    #expect(throws: InferenceError.contextFull(needed: 5, maximumLength: 4)) {
      _ = try session.prefill([1, 2], sequence: 0)
    }
    for token: Int32 in [-1, 71] {
      #expect(throws: InferenceError.tokenOutOfRange(token: token, vocabularySize: 71)) {
        _ = try session.prefill([token], sequence: 0)
      }
    }
    #expect(session.length(of: 0) == 3)
    session.reset(0)
    #expect(session.length(of: 0) == 0)
  }
}
