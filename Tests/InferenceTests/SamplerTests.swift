import Foundation
import Kernels
import TestSupport
import Testing

@testable import Inference

// @testable: what is tested is how one token is drawn, which no other module sees.
struct SamplerTests {
  /// Softmax in double precision, the plain way.
  struct PlainDistribution {
    let logprobs: [Double]

    init(_ logits: [Float]) {
      let largest = Double(logits.max() ?? 0)
      let sum = logits.reduce(0) { $0 + exp(Double($1) - largest) }
      logprobs = logits.map { Double($0) - largest - log(sum) }
    }

    mutating func logprobs(token: Int32, top: Int) -> TokenLogprobs {
      let order = logprobs.indices.sorted { logprobs[$0] > logprobs[$1] }
      return TokenLogprobs(
        logprob: Float(logprobs[Int(token)]),
        top: order.prefix(top).map {
          TokenLogprobs.Candidate(token: Int32($0), logprob: Float(logprobs[$0]))
        })
    }
  }

  /// How often each token comes in `draws` draws.
  private func frequencies(
    _ logits: [Float], _ options: SamplingOptions, draws: Int, set: InstructionSet = .active,
    prompt: [Int32] = [], mask: TokenMask? = nil
  ) throws -> [Double] {
    let space = SamplingSpace(vocabulary: logits.count, instructionSet: set)
    var counts = [Double](repeating: 0, count: logits.count)
    for draw in 0..<draws {
      var options = options
      options.seed = UInt64(draw) &* 0xD1B5_4A32_D192_ED03
      var sampler = Sampler(options, prompt: prompt)
      counts[Int(try sampler.next(logits, mask: mask, space: space))] += 1 / Double(draws)
    }
    return counts
  }

  /// Five standard deviations of a share of `draws` draws.
  private func tolerance(_ probability: Double, draws: Int) -> Double {
    5 * (probability * (1 - probability) / Double(draws)).squareRoot() + 1e-9
  }

  @Test(arguments: InstructionSet.available)
  func `tokens come as often as the softmax says`(set: InstructionSet) throws {
    let logits: [Float] = [1, 0, -1, 2, 0.5, -30, 1, 0, 0.25, 1.5, -2, 0, 0, 0, 1, 1, 3, -1, 2]
    let draws = 20_000
    for temperature: Float in [1, 0.7] {
      let expected = PlainDistribution(logits.map { $0 / temperature }).logprobs.map { exp($0) }
      let found = try frequencies(
        logits, SamplingOptions(temperature: temperature), draws: draws, set: set)
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= tolerance(expected, draws: draws))
      }
    }
  }

  @Test func `top-k, top-p and min-p keep what they should and renormalise`() throws {
    // Probabilities 0.4, 0.3, 0.2, 0.1.
    let logits = [0.2, 0.4, 0.1, 0.3].map { Float(log($0)) }
    let draws = 20_000
    func check(_ options: SamplingOptions, _ expected: [Double]) throws {
      let found = try frequencies(logits, options, draws: draws)
      for (found, expected) in zip(found, expected) {
        #expect(abs(found - expected) <= tolerance(expected, draws: draws), "\(options)")
      }
    }
    try check(SamplingOptions(temperature: 1, topK: 2), [0, 4 / 7.0, 0, 3 / 7.0])
    try check(SamplingOptions(temperature: 1, topP: 0.65), [0, 4 / 7.0, 0, 3 / 7.0])
    try check(SamplingOptions(temperature: 1, topP: 0.75), [2 / 9.0, 4 / 9.0, 0, 3 / 9.0])
    try check(SamplingOptions(temperature: 1, minP: 0.4), [2 / 9.0, 4 / 9.0, 0, 3 / 9.0])
    // Of the three that top-k leaves, the first two are 7/9 of the mass.
    try check(SamplingOptions(temperature: 1, topK: 3, topP: 0.77), [0, 4 / 7.0, 0, 3 / 7.0])
  }

  @Test func `a nucleus longer than any candidate list is found by sorting`() throws {
    let count = 3000
    let logits = (0..<count).map { Float($0 % 7) * 1e-4 }
    let found = try frequencies(
      logits, SamplingOptions(temperature: 1, topP: 0.5), draws: 400)
    // The nucleus holds the largest logits, so never the smallest ones.
    let smallest = found.indices.filter { $0 % 7 < 3 }.reduce(0) { $0 + found[$1] }
    #expect(smallest == 0)
    #expect(found.reduce(0, +) > 0.999)
  }

  @Test func `bias, penalties and mask change the logits as documented`() throws {
    let logits: [Float] = [2, 1.9, -1, 0]
    func greedy(
      _ options: SamplingOptions, prompt: [Int32] = [], mask: TokenMask? = nil
    ) throws
      -> Int
    {
      try frequencies(logits, options, draws: 1, prompt: prompt, mask: mask).firstIndex(of: 1)!
    }
    #expect(try greedy(SamplingOptions()) == 0)
    #expect(try greedy(SamplingOptions(logitBias: [3: 5])) == 3)
    #expect(try greedy(SamplingOptions(logitBias: [99: 5, -1: 5])) == 0)
    #expect(try greedy(SamplingOptions(repetitionPenalty: 1.2), prompt: [0]) == 1)
    // Presence and frequency look at the answer only.
    #expect(try greedy(SamplingOptions(presencePenalty: 1), prompt: [0]) == 0)
    var mask = TokenMask(vocabularySize: 4)
    mask[2] = true
    #expect(try greedy(SamplingOptions(), mask: mask) == 2)
    #expect(try greedy(SamplingOptions(temperature: 1), mask: mask) == 2)

    let space = SamplingSpace(vocabulary: 4, instructionSet: .active)
    var sampler = Sampler(SamplingOptions(presencePenalty: 0.2), prompt: [])
    let present = try (0..<3).map { _ in try sampler.next(logits, mask: nil, space: space) }
    #expect(present == [0, 1, 0])
    var frequent = Sampler(SamplingOptions(frequencyPenalty: 0.2), prompt: [])
    let alternating = try (0..<4).map { _ in try frequent.next(logits, mask: nil, space: space) }
    #expect(alternating == [0, 1, 0, 1])
  }

  @Test func `logits that are not numbers are an error`() {
    let logits = [Float](repeating: .nan, count: 40)
    for temperature: Float in [0, 1] {
      for topK in [0, 3] {
        #expect(throws: GenerationFailure.notFinite) {
          _ = try frequencies(
            logits, SamplingOptions(temperature: temperature, topK: topK), draws: 1)
        }
      }
    }
  }
}
