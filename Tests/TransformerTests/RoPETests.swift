import Testing
import Transformer

struct RoPETests {
  private func frequencies(_ scaling: RopeScaling?, dimension: Int = 8) -> RotaryFrequencies {
    RotaryFrequencies(
      ModelConfiguration(
        vocabSize: 2, hiddenSize: 2, intermediateSize: 2, numHiddenLayers: 1,
        numAttentionHeads: 1, headDim: dimension, ropeTheta: 10_000, ropeScaling: scaling))
  }

  private func expect(_ found: [Double], _ expected: [Double]) {
    #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * $1 }, "\(found)")
    #expect(found.count == expected.count)
  }

  @Test func `plain frequencies are powers of theta, and linear scaling divides them`() {
    expect(frequencies(nil).frequencies, [1, 0.1, 0.01, 0.001])
    expect(frequencies(.linear(factor: 4)).frequencies, [0.25, 0.025, 0.0025, 0.00025])
  }

  // With 8192 original positions the pairs make 1303.8, 130.4, 13.0 and 1.3 turns. Above 4 turns
  // nothing changes; 1.3 lies a tenth of the way from 1 to 4.
  @Test func `llama3 keeps high frequencies, and stretches low ones along a ramp`() {
    let scaled = frequencies(
      .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192))
    let kept = (8192 * 0.001 / (2 * Double.pi) - 1) / 3
    expect(
      scaled.frequencies, [1, 0.1, 0.01, (1 - kept) * 0.001 / 8 + kept * 0.001])
    #expect(scaled.amplitude == 1)
  }

  // 4096 positions, theta 10^4, D = 8: 32 turns belong to pair 1.31, 1 turn to pair 2.81; rounded
  // outwards the ramp goes from pair 1 to pair 3.
  @Test func `yarn stretches low frequencies along a ramp over the pairs`() {
    let scaled = frequencies(
      .yarn(factor: 4, originalPositions: 4096, betaFast: 32, betaSlow: 1, attentionFactor: 1.25))
    expect(scaled.frequencies, [1, 0.1, 0.5 * 0.01 / 4 + 0.5 * 0.01, 0.001 / 4])
    #expect(scaled.amplitude == 1.25)
  }
}
