import Kernels
import TestSupport
import Testing
import Transformer

struct LentGradientsTests {
  /// The gradients of a few steps, as a trainer takes them: the head's first, then a backward pass
  /// that sets, and new trits from the same weights.
  private func gradients(
    _ model: RandomModel, seed: UInt64, storage: ActivationStorage, memory: GradientMemory
  ) throws -> Parameters {
    var random = SplitMix64(seed: seed)
    let hiddenGradient = random.floats(model.batch.tokens.count * model.configuration.hiddenSize)
    let headCount = model.configuration.vocabSize * model.configuration.hiddenSize
    let headGradient = random.floats(headCount)
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(
      gradients: gradients, bits: nil, storage: storage, gradientMemory: memory)
    for _ in 0..<3 {
      _ = fast.forward(model.batch)
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
