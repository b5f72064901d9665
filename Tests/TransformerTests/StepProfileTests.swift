import Kernels
import TestSupport
import Testing
import Transformer

struct StepProfileTests {
  @Test func `laps of one operation add up, and lines come in the order of a step`() throws {
    let profiler = StepProfiler()
    profiler.begin()
    profiler.lap(.optimizer, bytes: 28)
    profiler.lap(.attention, arithmetic: 3)
    profiler.lap(.attention, arithmetic: 4)
    let lines = profiler.profile.lines
    #expect(lines.map(\.operation) == [.attention, .optimizer])
    #expect(lines.map(\.calls) == [2, 1])
    #expect(lines.map(\.arithmetic) == [7, 0])
    #expect(lines.map(\.bytes) == [0, 28])
    profiler.begin()
    #expect(profiler.profile.lines.isEmpty)
  }

  @Test func `no time of a step goes unnamed`() throws {
    let model = try RandomModel(seed: 2, quantization: .ternary)
    let fast = try model.fast(
      gradients: Parameters(layout: ParameterLayout(model.configuration)), bits: nil)
    let weights = [Float](
      repeating: 0, count: model.batch.tokens.count * model.configuration.hiddenSize)
    let clock = ContinuousClock()
    let wall = clock.measure {
      fast.profiler.begin()
      _ = fast.forward(model.batch)
      fast.backward(hiddenGradient: weights)
    }
    let seconds = fast.profiler.profile.seconds
    let wallSeconds = Double(wall.components.attoseconds) * 1e-18 + Double(wall.components.seconds)
    #expect(seconds > 0 && seconds <= wallSeconds)
    let products = fast.profiler.profile.lines.filter(\.operation.isProduct)
    #expect(products.allSatisfy { $0.arithmetic > 0 })
    #expect(fast.profiler.profile.productShare > 0 && fast.profiler.profile.productShare < 1)
  }

  /// A model of two layers, and what it takes to run it.
  private func model() throws -> RandomModel {
    for seed in 0..<100 as Range<UInt64> {
      let model = try RandomModel(seed: seed, quantization: .ternary)
      if model.configuration.numHiddenLayers == 2 { return model }
    }
    throw NoSuchModel()
  }

  private struct NoSuchModel: Error {}

  @Test(arguments: [
    ("self_attn.q_proj", StepOperation.queryKeyValue), ("self_attn.o_proj", .attentionOutput),
    ("post_attention_layernorm", .gateUpInput), ("mlp.up_proj", .gateUp),
    ("mlp.down_proj", .down),
  ])
  func `the operation that made the first NaN of a forward pass is named`(
    parameter: String, operation: StepOperation
  ) throws {
    let model = try model()
    model.parameters["model.layers.1.\(parameter).weight"]![0] = .nan
    let fast = try model.fast(gradients: nil, bits: nil)
    fast.profiler.looksForNonFinite = true
    fast.profiler.begin()
    _ = fast.forward(model.batch)
    let found = try #require(fast.profiler.firstNonFinite)
    #expect(found.operation == operation && found.layer == 1)
  }

  @Test func `the operation that made the first infinity of a backward pass is named`() throws {
    let model = try model()
    let fast = try model.fast(
      gradients: Parameters(layout: ParameterLayout(model.configuration)), bits: nil)
    fast.profiler.looksForNonFinite = true
    fast.profiler.begin()
    var weights = [Float](
      repeating: 0, count: model.batch.tokens.count * model.configuration.hiddenSize)
    _ = fast.forward(model.batch)
    #expect(fast.profiler.firstNonFinite == nil)
    weights[0] = .infinity
    fast.backward(hiddenGradient: weights)
    let found = try #require(fast.profiler.firstNonFinite)
    #expect(found.operation == .finalNormBackward && found.layer == nil)
  }
}
