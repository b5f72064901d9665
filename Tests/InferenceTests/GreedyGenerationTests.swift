import Inference
import Kernels
import Testing
import Transformer

struct GreedyGenerationTests {
  let team = ComputeTeam(threadCount: 2)

  private func model(_ fixture: Fixture) throws -> InferenceModel {
    try InferenceModel(
      configuration: fixture.configuration, parameters: fixture.parameters(), storage: .fp32,
      team: team)
  }

  /// The definition: score everything, append the best token, begin again.
  private func plain(
    _ model: InferenceModel, _ prompt: [Int32], count: Int, stop: Set<Int32>
  ) throws -> Generation {
    var tokens: [Int32] = []
    while tokens.count < count {
      let session = InferenceSession(
        model: model, maximumSequences: 1, maximumLength: 64, team: team)
      let logits = try session.prefill(prompt + tokens, sequence: 0)
      let best = Int32(logits.indices.max { logits[$0] < logits[$1] }!)
      if stop.contains(best) { return Generation(tokens: tokens, end: .stop) }
      tokens.append(best)
    }
    return Generation(tokens: tokens, end: .length)
  }

  @Test(arguments: [Fixture.qwen3, .student], [1, 3, 8])
  func `a batch gives what every prompt alone would`(fixture: Fixture, batch: Int) throws {
    let model = try model(fixture)
    let prompts = (0..<7).map { randomTokens(2 + $0 * 3 % 8, vocabulary: 71, seed: UInt64($0)) }
    let free = try prompts.map { try plain(model, $0, count: 10, stop: []) }
    // A token that some answers contain ends those early.
    let stop: Set<Int32> = [free[0].tokens[4]]
    let result = try generateGreedy(
      model: model, prompts: prompts, maximumNewTokens: 10, stop: stop, batch: batch, team: team)
    for (index, prompt) in prompts.enumerated() {
      let expected = try plain(model, prompt, count: 10, stop: stop)
      #expect(result.generations[index] == expected)
    }
    #expect(result.speed.prefillTokens == prompts.reduce(0) { $0 + $1.count })
  }

  @Test func `a full context ends an answer`() throws {
    let result = try generateGreedy(
      model: model(.llama), prompts: [[1, 2, 3]], maximumNewTokens: 50, maximumLength: 8,
      stop: [], batch: 1, team: team)
    // Five tokens are appended to the three; the sixth is known without being appended.
    #expect(result.generations[0].tokens.count == 6)
    #expect(result.generations[0].end == .length)
  }

  @Test func `cancelling returns what is there`() throws {
    var steps = 0
    let result = try generateGreedy(
      model: model(.llama), prompts: [[1], [2]], maximumNewTokens: 50, stop: [], batch: 1,
      team: team,
      isCancelled: {
        steps += 1
        return steps > 3
      })
    #expect(result.generations[0].end == .cancelled)
    #expect(result.generations[0].tokens.count == 4)
    #expect(result.generations[1].tokens.isEmpty)
  }
}
