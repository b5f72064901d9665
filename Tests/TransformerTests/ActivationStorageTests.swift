import Kernels
import TestSupport
import Testing
import Transformer

struct ActivationStorageTests {
  /// Weights of a loss that is a sum over hidden states, 0 in padded rows.
  private func lossWeights(_ model: RandomModel, seed: UInt64) -> [Float] {
    var random = SplitMix64(seed: seed)
    let (batch, width) = (model.batch, model.configuration.hiddenSize)
    var weights = random.floats(batch.tokens.count * width)
    for row in 0..<batch.tokens.count
    where row % batch.length >= Int(batch.lengths[row / batch.length]) {
      for column in 0..<width { weights[row * width + column] = 0 }
    }
    return weights
  }

  private func gradients(
    _ model: RandomModel, seed: UInt64, storage: ActivationStorage
  ) throws -> Parameters {
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(gradients: gradients, bits: nil, storage: storage)
    let weights = lossWeights(model, seed: seed)
    // Twice, so that what one step leaves in shared memory could harm the next.
    for _ in 0..<2 {
      _ = fast.forward(model.batch)
      fast.backward(hiddenGradient: weights)
    }
    return gradients
  }

  @Test(arguments: 0..<12 as Range<UInt64>, ModelConfiguration.Quantization.allCases)
  func `recomputed activations give the bits of saved ones`(
    seed: UInt64, quantization: ModelConfiguration.Quantization
  ) throws {
    let model = try RandomModel(seed: seed, quantization: quantization)
    let saved = try gradients(model, seed: seed, storage: .fp32)
    let recomputed = try gradients(model, seed: seed, storage: .recomputed)
    for index in 0..<saved.layout.count {
      #expect(saved.values[index].bitPattern == recomputed.values[index].bitPattern)
    }
  }

  // Every stored number is off by 2^-9 of itself; norms and two blocks amplify that. In gains and
  // biases, which are sums over all rows, terms cancel that their errors do not.
  @Test(arguments: 0..<12 as Range<UInt64>, ModelConfiguration.Quantization.allCases)
  func `bf16 activations give gradients near those of fp32 ones`(
    seed: UInt64, quantization: ModelConfiguration.Quantization
  ) throws {
    let model = try RandomModel(seed: seed, quantization: quantization)
    let exact = try gradients(model, seed: seed, storage: .fp32)
    let rounded = try gradients(model, seed: seed, storage: .bf16)
    for view in exact.layout.views where view.name != "lm_head.weight" {
      let (left, right) = (exact[view.name]!, rounded[view.name]!)
      let norm = left.reduce(1e-6) { $0 + $1 * $1 }.squareRoot()
      let distance = zip(left, right).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        .squareRoot()
      let bound: Float = view.isMatrix ? 0.05 : 0.1
      #expect(distance < bound * norm, "seed \(seed), \(quantization), \(view.name)")
    }
  }

  @Test(arguments: ActivationStorage.allCases)
  func `the memory of every storage is known before it is allocated`(
    storage: ActivationStorage
  ) throws {
    let model = try RandomModel(seed: 4, quantization: .ternary)
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(gradients: gradients, bits: nil, storage: storage)
    let estimate = Transformer.memoryBytes(
      configuration: model.configuration, sequences: 3, length: model.batch.length,
      training: true, storage: storage)
    #expect(
      fast.workingBytes == estimate.ternaryWeights + estimate.activations + estimate.scratch)
  }

  @Test func `a deep model saves three tenths with bf16, and most by computing again`() throws {
    var configuration = try #require(ModelConfiguration.preset("mini"))
    configuration.numHiddenLayers = 12
    let bytes = ActivationStorage.allCases.map {
      Transformer.memoryBytes(
        configuration: configuration, sequences: 2, length: 128, training: true, storage: $0
      ).activations
    }
    #expect(bytes[1] * 10 < bytes[0] * 7, "\(bytes)")
    #expect(bytes[2] * 5 < bytes[0], "\(bytes)")
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `setting gradients needs no zeros before`(seed: UInt64) throws {
    let model = try RandomModel(seed: seed, quantization: .ternary)
    let layout = ParameterLayout(model.configuration)
    let weights = lossWeights(model, seed: seed)
    func gradients(_ writing: GradientWriting, before: Float) throws -> Parameters {
      let gradients = Parameters(layout: layout)
      for view in layout.views {
        // The head's are the loss's to set; a tied embedding is the head.
        let isHead =
          view.name == "lm_head.weight"
          || model.configuration.tieWordEmbeddings && view.name == "model.embed_tokens.weight"
        (gradients.values + view.offset).update(repeating: isHead ? 0 : before, count: view.count)
      }
      let fast = try model.fast(gradients: gradients, bits: nil)
      _ = fast.forward(model.batch)
      fast.backward(hiddenGradient: weights, writing)
      return gradients
    }
    let (set, added) = (try gradients(.set, before: .nan), try gradients(.add, before: 0))
    for index in 0..<layout.count { #expect(set.values[index] == added.values[index]) }
  }
}
