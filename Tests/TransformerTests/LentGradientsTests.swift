import Kernels
import TestSupport
import Testing
import Transformer

struct LentGradientsTests {
  /// The gradients of a few steps, as a trainer takes them: the head's first, then a backward pass
  /// that sets, and new trits from the same weights.
  ///
  /// - Parameter between: floats that somebody else uses between the two passes.
  private func gradients(
    _ model: RandomModel, seed: UInt64, storage: ActivationStorage, memory: GradientMemory,
    between: Int = 0
  ) throws -> Parameters {
    var random = SplitMix64(seed: seed)
    let hiddenGradient = random.floats(model.batch.tokens.count * model.configuration.hiddenSize)
    let headCount = model.configuration.vocabSize * model.configuration.hiddenSize
    let headGradient = random.floats(headCount)
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(
      gradients: gradients, bits: nil, storage: storage, gradientMemory: memory,
      floatsUntilBackward: between)
    for _ in 0..<3 {
      _ = fast.forward(model.batch)
      if between > 0 {
        let floats = try #require(fast.memoryUntilBackward)
        floats.update(repeating: .nan, count: between)
      }
      fast.headGradients?.update(from: headGradient, count: headCount)
      fast.backward(hiddenGradient: hiddenGradient, .set)
    }
    return gradients
  }

  @Test(arguments: 0..<12 as Range<UInt64>, ActivationStorage.allCases)
  func `what lies in the gradients' memory changes no gradient, and leaves the gaps zero`(
    seed: UInt64, storage: ActivationStorage
  ) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let own = try gradients(model, seed: seed, storage: storage, memory: .own)
      let lent = try gradients(model, seed: seed, storage: storage, memory: .lent)
      for index in 0..<own.layout.count {
        #expect(own.values[index].bitPattern == lent.values[index].bitPattern)
      }
    }
  }

  @Test(arguments: 0..<12 as Range<UInt64>, ActivationStorage.allCases)
  func `what its owner does with its share between the passes changes no gradient`(
    seed: UInt64, storage: ActivationStorage
  ) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let own = try gradients(model, seed: seed, storage: storage, memory: .own)
      let lent = try gradients(model, seed: seed, storage: storage, memory: .lent, between: 33)
      for view in own.layout.views {
        let (left, right) = (own[view.name]!, lent[view.name]!)
        #expect(
          zip(left, right).allSatisfy { $0.bitPattern == $1.bitPattern },
          "seed \(seed), \(quantization), \(view.name)")
      }
    }
  }

  @Test func `more than the gradients' memory has is not lent`() throws {
    let model = try RandomModel(seed: 1, quantization: .ternary)
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    for floats in [0, gradients.layout.count] {
      let fast = try model.fast(
        gradients: gradients, bits: nil, gradientMemory: .lent, floatsUntilBackward: floats)
      #expect(fast.memoryUntilBackward == nil)
    }
  }

  @Test func `blocks that fit into lent memory are not computed again`() throws {
    var configuration = try #require(ModelConfiguration.preset("mini"))
    configuration.tieWordEmbeddings = false
    func bytes(_ storage: ActivationStorage, _ memory: GradientMemory) -> Int {
      Transformer.memoryBytes(
        configuration: configuration, sequences: 1, length: 128, training: true,
        storage: storage, gradientMemory: memory
      ).activations
    }
    // 128 positions are little beside these weights: everything fits, and nothing need be shared.
    #expect(bytes(.recomputed, .lent) == bytes(.fp32, .lent))
    #expect(bytes(.recomputed, .own) < bytes(.fp32, .own) / 2)
  }

  @Test(arguments: 0..<6 as Range<UInt64>, ActivationStorage.allCases)
  func `lent memory is saved, and what is left of it is known before`(
    seed: UInt64, storage: ActivationStorage
  ) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let gradients = Parameters(layout: ParameterLayout(model.configuration))
      func working(_ memory: GradientMemory) throws -> Int {
        let estimate = Transformer.memoryBytes(
          configuration: model.configuration, sequences: 3, length: model.batch.length,
          training: true, storage: storage, gradientMemory: memory)
        let fast = try model.fast(
          gradients: gradients, bits: nil, storage: storage, gradientMemory: memory)
        #expect(
          fast.workingBytes == estimate.ternaryWeights + estimate.activations + estimate.scratch)
        return fast.workingBytes
      }
      #expect(try working(.lent) < working(.own))
    }
  }
}
