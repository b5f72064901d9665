import Kernels
import TestSupport
import Testing
import Transformer

struct GradientSquaresTests {
  @Test(arguments: 0..<12 as Range<UInt64>, ModelConfiguration.Quantization.allCases)
  func `squares taken as gradients are written are those of what is there`(
    seed: UInt64, quantization: ModelConfiguration.Quantization
  ) throws {
    let model = try RandomModel(seed: seed, quantization: quantization)
    var random = SplitMix64(seed: seed)
    let hiddenGradient = random.floats(model.batch.tokens.count * model.configuration.hiddenSize)
    for (writing, memory) in [
      (GradientWriting.set, GradientMemory.own), (.set, .lent), (.add, .own),
    ] {
      let gradients = Parameters(layout: ParameterLayout(model.configuration))
      let fast = try model.fast(gradients: gradients, bits: nil, gradientMemory: memory)
      for pass in 0..<2 {
        _ = fast.forward(model.batch)
        // The head's are the loss's to set; a tied embedding is the head.
        fast.headGradients?.update(repeating: 0, count: gradients.layout.head.count)
        fast.backward(hiddenGradient: hiddenGradient, writing)
        for (index, view) in gradients.layout.views.enumerated() {
          let square = squaredNorm(
            gradients.values + view.offset, count: view.count, team: .shared)
          // In another order, and four at a time in fp32, each of which rounds by 2^-24 at most.
          #expect(
            abs(fast.gradientSquare(ofTensor: index) - square) <= 0x1p-22 * square,
            "seed \(seed), \(writing), \(memory), pass \(pass), \(view.name)")
        }
      }
      let first = try #require(gradients.layout.views.firstIndex { $0.name.contains("q_proj") })
      let elements = gradients.layout.views[first]
      (gradients.values + elements.offset).update(repeating: 1, count: elements.count)
      fast.gradientsWereChanged()
      #expect(fast.gradientSquare(ofTensor: first) == Double(elements.count))
    }
  }
}
