import Dispatch
import Inference
import Kernels
import Synchronization
import TestSupport
import Testing
import Transformer

struct GenerationEngineTests {
  let team = ComputeTeam(threadCount: 2)

  /// The events of one request, and a way to wait for the last of them.
  private final class Answer: Sendable {
    private let events = Mutex<[GenerationEvent]>([])
    private let ended = AsyncStream<Void>.makeStream()
    private let enoughAfter: Int

    init(enoughAfter: Int = .max) { self.enoughAfter = enoughAfter }

    func receive(_ event: GenerationEvent) -> GenerationAppetite {
      let count = events.withLock { events in
        events.append(event)
        return events.count
      }
      switch event {
      case .finished, .failed: ended.continuation.finish()
      case .prompt, .token: break
      }
      return count >= enoughAfter ? .enough : .more
    }

    func all() async -> [GenerationEvent] {
      for await _ in ended.stream {}
      return events.withLock { $0 }
    }

    func tokens() async -> [Int32] {
      await all().compactMap { if case .token(let token, _) = $0 { token } else { nil } }
    }

    func finish() async -> GenerationFinish? {
      if case .finished(let finish, _) = await all().last { finish } else { nil }
    }

    func usage() async -> GenerationUsage? {
      if case .finished(_, let usage) = await all().last { usage } else { nil }
    }
  }

  private func model(_ fixture: Fixture = .student) throws -> InferenceModel {
    try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), team: team)
  }

  private func limits(
    sequences: Int = 3, context: Int = 96, queue: Int = 64, chunk: Int = 16
  ) -> GenerationLimits {
    GenerationLimits(
      maximumSequences: sequences, maximumContext: context, maximumQueue: queue,
      prefillChunk: chunk)
  }

  @Test(arguments: [Fixture.llama, .qwen3, .student])
  func `many requests at once get the answers that each gets alone`(fixture: Fixture) async throws {
    let model = try model(fixture)
    let prompts = (0..<9).map { randomTokens(1 + 7 * $0, vocabulary: 71, seed: UInt64($0)) }
    let expected = try generateGreedy(
      model: model, prompts: prompts, maximumNewTokens: 12, stop: [], batch: 1, team: team
    ).generations.map(\.tokens)
    let engine = GenerationEngine(model: model, limits: limits(), team: team)
    let answers = prompts.map { _ in Answer() }
    for (prompt, answer) in zip(prompts, answers) {
      try engine.submit(
        GenerationRequest(tokens: prompt, maximumNewTokens: 12), receiver: answer.receive)
    }
    engine.drain()
    for (answer, tokens) in zip(answers, expected) {
      #expect(await answer.tokens() == tokens)
      #expect(await answer.finish() == .length)
    }
  }

  @Test func `a cache for two sequences serves many, and prompts are reused`() async throws {
    let model = try model()
    let common = randomTokens(70, vocabulary: 71, seed: 30)
    let prompts = (0..<6).map { common + randomTokens(5, vocabulary: 71, seed: UInt64($0)) }
    let expected = try generateGreedy(
      model: model, prompts: prompts, maximumNewTokens: 9, stop: [], batch: 1, team: team
    ).generations.map(\.tokens)
    let engine = GenerationEngine(
      model: model,
      limits: GenerationLimits(
        maximumSequences: 4, maximumContext: 96, cachePositions: 192, prefillChunk: 16),
      team: team)
    let answers = prompts.map { _ in Answer() }
    for (prompt, answer) in zip(prompts, answers) {
      try engine.submit(
        GenerationRequest(tokens: prompt, maximumNewTokens: 9), receiver: answer.receive)
    }
    engine.drain()
    for (answer, tokens) in zip(answers, expected) { #expect(await answer.tokens() == tokens) }
    #expect(await answers[5].usage()?.reusedPromptTokens == 64)
    #expect(engine.load.usedPositions == 0)
  }

  @Test func `a stop token, the context and the receiver end an answer`() async throws {
    let model = try model()
    let engine = GenerationEngine(model: model, limits: limits(context: 20), team: team)
    let prompt = randomTokens(8, vocabulary: 71, seed: 1)
    let (whole, stopped, early) = (Answer(), Answer(), Answer(enoughAfter: 2))
    try engine.submit(
      GenerationRequest(tokens: prompt, maximumNewTokens: 100), receiver: whole.receive)
    let tokens = await whole.tokens()
    // The last token of an answer takes no position.
    #expect(tokens.count == 13)
    #expect(await whole.finish() == .length)

    let stop = tokens[5]
    let before = Array(tokens.prefix { $0 != stop })
    try engine.submit(
      GenerationRequest(tokens: prompt, maximumNewTokens: 100, stopTokens: [stop]),
      receiver: stopped.receive)
    #expect(await stopped.tokens() == before)
    #expect(await stopped.finish() == .stop)
    #expect(await stopped.usage()?.answerTokens == before.count)
    #expect(await stopped.usage()?.promptTokens == 8)

    try engine.submit(
      GenerationRequest(tokens: prompt, maximumNewTokens: 100), receiver: early.receive)
    #expect(await early.tokens() == Array(tokens[..<2]))
    #expect(await early.finish() == .stop)
    engine.drain()
  }

  @Test func `a cancelled request ends, waiting or running, and others go on`() async throws {
    let engine = GenerationEngine(
      model: try model(), limits: limits(sequences: 1, context: 20_000), team: team)
    let (running, waiting, last) = (Answer(), Answer(), Answer())
    let request = GenerationRequest(tokens: [1, 2], maximumNewTokens: 19_000)
    // It stands at its first token until both are cancelled, however long that takes here.
    let gate = DispatchSemaphore(value: 0)
    let isHeld = Atomic(false)
    let first = try engine.submit(request) { event in
      if case .token = event, !isHeld.exchange(true, ordering: .relaxed) { gate.wait() }
      return running.receive(event)
    }
    let second = try engine.submit(request, receiver: waiting.receive)
    try engine.submit(
      GenerationRequest(tokens: [3], maximumNewTokens: 3), receiver: last.receive)
    engine.cancel(second)
    engine.cancel(first)
    gate.signal()
    #expect(await waiting.all() == [.finished(.cancelled, waiting.usage() ?? GenerationUsage())])
    #expect(await running.finish() == .cancelled)
    #expect(await last.tokens().count == 3)
    engine.cancel(first)
    engine.drain()
  }

  @Test func `stopping ends everything, and then nothing is taken`() async throws {
    let engine = GenerationEngine(
      model: try model(), limits: limits(sequences: 2, context: 20_000), team: team)
    let answers = (0..<5).map { _ in Answer() }
    let request = GenerationRequest(tokens: [1, 2], maximumNewTokens: 19_000)
    for answer in answers { try engine.submit(request, receiver: answer.receive) }
    engine.stop()
    for answer in answers { #expect(await answer.finish() == .cancelled) }
    #expect(throws: GenerationRefusal.shuttingDown) {
      try engine.submit(request) { _ in .more }
    }
  }

  @Test func `a full queue refuses, and takes again when there is room`() async throws {
    let engine = GenerationEngine(
      model: try model(), limits: limits(sequences: 1, context: 20_000, queue: 1), team: team)
    let answers = [Answer(), Answer()]
    let request = GenerationRequest(tokens: [1, 2], maximumNewTokens: 19_000)
    let handles = try answers.map { try engine.submit(request, receiver: $0.receive) }
    #expect(throws: GenerationRefusal.queueFull(limit: 1)) {
      try engine.submit(request) { _ in .more }
    }
    for handle in handles { engine.cancel(handle) }
    for answer in answers { #expect(await answer.finish() == .cancelled) }
    // What has ended may still be counted for a moment; what was drained is not.
    engine.drain()
    #expect(engine.load.running == 0 && engine.load.queued == 0)
  }

  @Test func `what cannot be served is refused by name`() throws {
    let engine = GenerationEngine(
      model: try model(), limits: limits(sequences: 1, context: 16, queue: 2), team: team)
    func refusal(_ change: (inout GenerationRequest) -> Void) -> GenerationRefusal? {
      var request = GenerationRequest(tokens: [1, 2, 3], maximumNewTokens: 4)
      change(&request)
      do throws(GenerationRefusal) { try engine.submit(request) { _ in .more } } catch {
        return error
      }
      return nil
    }
    #expect(refusal { $0.tokens = [] } == .emptyPrompt)
    #expect(refusal { $0.tokens = [71] } == .tokenOutOfRange(token: 71, vocabularySize: 71))
    #expect(
      refusal { $0.tokens = Array(repeating: 1, count: 17) }
        == .promptTooLong(tokens: 17, maximumContext: 16))
    #expect(refusal { $0.sampling.topP = 0 } != nil)
    #expect(refusal { $0.sampling.temperature = .nan } != nil)
    #expect(refusal { $0.topLogprobs = 65 } != nil)
    engine.stop()
  }

  @Test func `log-probabilities are the model's, of prompt and answer`() async throws {
    let model = try model(.llama)
    let prompt = randomTokens(21, vocabulary: 71, seed: 4)
    let engine = GenerationEngine(model: model, limits: limits(), team: team)
    let answer = Answer()
    try engine.submit(
      GenerationRequest(
        tokens: prompt, maximumNewTokens: 5, topLogprobs: 3, wantsPromptLogprobs: true),
      receiver: answer.receive)
    engine.drain()
    let text = prompt + (await answer.tokens())
    let session = InferenceSession(model: model, maximumSequences: 1, maximumLength: 64, team: team)
    var expected: [TokenLogprobs?] = [nil]
    var places: [TokenLogprobs?] = []
    try session.score(text, sequence: 0) { positions, logits in
      for position in positions where position + 1 < text.count {
        let row = UnsafeBufferPointer(
          start: logits + (position - positions.lowerBound) * 71, count: 71)
        expected.append(plainLogprobs(Array(row), token: text[position + 1], top: 3))
      }
    }
    for event in await answer.all() {
      switch event {
      case .prompt(let prompt): places += prompt
      case .token(_, let logprobs): places.append(logprobs)
      case .finished, .failed: break
      }
    }
    #expect(places.count == expected.count)
    for (place, expected) in zip(places, expected) {
      #expect(place?.top.map(\.token) == expected?.top.map(\.token))
      // Logits below 10 in fp32, in sums of another order.
      #expect(abs((place?.logprob ?? 0) - (expected?.logprob ?? 0)) < 1e-3)
    }
  }

  private func plainLogprobs(_ logits: [Float], token: Int32, top: Int) -> TokenLogprobs {
    var space = SamplerTests.PlainDistribution(logits)
    return space.logprobs(token: token, top: top)
  }

  @Test func `a seed decides the answer, whatever runs beside`() async throws {
    let model = try model()
    let engine = GenerationEngine(model: model, limits: limits(sequences: 4), team: team)
    func request(_ seed: UInt64) -> GenerationRequest {
      GenerationRequest(
        tokens: [5, 6, 7], maximumNewTokens: 20,
        sampling: SamplingOptions(temperature: 1, topK: 40, topP: 0.95, seed: seed))
    }
    let answers = [1, 1, 2, 1].map { (Answer(), UInt64($0)) }
    for (answer, seed) in answers { try engine.submit(request(seed), receiver: answer.receive) }
    engine.drain()
    let first = await answers[0].0.tokens()
    #expect(await answers[1].0.tokens() == first)
    #expect(await answers[2].0.tokens() != first)
    #expect(await answers[3].0.tokens() == first)
  }

  /// Allows the multiples of three, then only the stop token.
  private struct Threes: TokenConstraint {
    var left: Int
    let stop: Int32

    mutating func markAllowed(in mask: inout TokenMask) {
      if left > 0 {
        for token in stride(from: Int32(0), to: 71, by: 3) { mask[token] = true }
      } else if stop >= 0 {
        mask[stop] = true
      }
    }

    mutating func accept(_ token: Int32) { left -= 1 }
  }

  @Test(arguments: [Float(0), 1.5])
  func `a constraint decides what may come and when it ends`(temperature: Float) async throws {
    let engine = GenerationEngine(model: try model(), limits: limits(), team: team)
    let (answer, dead) = (Answer(), Answer())
    var request = GenerationRequest(
      tokens: [1], maximumNewTokens: 50, sampling: SamplingOptions(temperature: temperature),
      stopTokens: [1], constraint: Threes(left: 9, stop: 1))
    try engine.submit(request, receiver: answer.receive)
    request.constraint = Threes(left: 2, stop: -1)
    try engine.submit(request, receiver: dead.receive)
    engine.drain()
    let tokens = await answer.tokens()
    #expect(tokens.count == 9)
    #expect(tokens.allSatisfy { $0 % 3 == 0 })
    #expect(await answer.finish() == .stop)
    #expect(await dead.all().last == .failed(.constraintDeadEnd))
  }
}
