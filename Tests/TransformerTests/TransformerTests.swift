import Kernels
import TestSupport
import Testing
import Transformer

struct TransformerTests {
  /// The largest difference, relative to the largest magnitude of the row's reference, per valid row.
  private func rowErrors(
    _ hidden: UnsafePointer<Float>, _ model: RandomModel, _ expected: [[[Double]]]
  )
    -> [Double]
  {
    let width = model.configuration.hiddenSize
    let length = model.batch.length
    return expected.enumerated().flatMap { sequence, rows in
      rows.enumerated().map { position, row in
        let first = (sequence * length + position) * width
        let scale = row.reduce(1e-3) { max($0, abs($1)) }
        return row.enumerated().reduce(0) { worst, element in
          max(worst, abs(Double(hidden[first + element.offset]) - element.element) / scale)
        }
      }
    }
  }

  // Float rounding: sums of up to 100 terms through 2 blocks, each relative 6e-8, amplified by
  // attention and norms; 2e-5 leaves a factor of about ten.
  @Test(arguments: 0..<20 as Range<UInt64>, InstructionSet.available)
  func `the full-precision forward pass equals the reference`(
    seed: UInt64, set: InstructionSet
  ) throws {
    let model = try RandomModel(seed: seed, quantization: .none)
    let fast = try model.fast(gradients: nil, bits: nil, loops: TransformerLoops(set))
    var reference = model.reference(bits: nil)
    let errors = rowErrors(fast.forward(model.batch), model, reference.hidden(model.texts))
    #expect(errors.max()! < 2e-5, "seed \(seed), \(model.configuration)")
  }

  // Where float and double fall on two sides of a rounding step, one code differs by one, and the
  // rows that see it are off by up to some steps of 1/127 (8 bits) or 1/3 (4 bits). Such a tie is
  // rare, so most rows must agree to float rounding.
  @Test(arguments: 0..<20 as Range<UInt64>, ActivationBits.allCases)
  func `the ternary forward pass equals the reference`(seed: UInt64, bits: ActivationBits) throws {
    let model = try RandomModel(seed: seed, quantization: .ternary)
    let fast = try model.fast(gradients: nil, bits: bits)
    var reference = model.reference(bits: bits)
    let errors = rowErrors(fast.forward(model.batch), model, reference.hidden(model.texts))
      .sorted()
    #expect(errors[errors.count / 2] < 2e-5, "seed \(seed), \(model.configuration)")
    #expect(errors.last! < 0.3, "seed \(seed), \(model.configuration)")
  }

  /// Central differences of the reference along one random direction per tensor, against the
  /// gradient that the fast backward pass gives.
  private func checkGradients(seed: UInt64, model: RandomModel, bits: ActivationBits?) throws {
    var random = SplitMix64(seed: seed &+ 1000)
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(gradients: gradients, bits: bits)
    let batch = model.batch
    let width = model.configuration.hiddenSize
    var weights = random.floats(batch.tokens.count * width)
    for row in 0..<batch.tokens.count
    where row % batch.length >= batch.lengths[row / batch.length] {
      for column in 0..<width { weights[row * width + column] = 0 }
    }
    let hidden = fast.forward(batch)
    var reference = model.reference(bits: bits)
    if bits != nil { reference.rounding = .recording }
    let errors = rowErrors(hidden, model, reference.hidden(model.texts))
    if bits != nil { reference.rounding = .replaying }
    fast.backward(hiddenGradient: weights)
    // Float rounding of the gradient; the differences' own error is below 1e-8 of the scale. When a
    // rounding tie sent float and double to two codes, both are gradients, of functions one step
    // apart.
    let tolerance = errors.max()! < 2e-5 ? 1e-4 : 0.3

    func loss() -> Double {
      var sum = 0.0
      for (sequence, rows) in reference.hidden(model.texts).enumerated() {
        for (position, row) in rows.enumerated() {
          let first = (sequence * batch.length + position) * width
          for column in 0..<width { sum += row[column] * Double(weights[first + column]) }
        }
      }
      return sum
    }
    for view in gradients.layout.views where view.name != "lm_head.weight" {
      let direction = (0..<view.count).map { _ in Double.random(in: -1...1, using: &random) }
      let gradient = (0..<view.count).map { Double(gradients.values[view.offset + $0]) }
      let point = reference.tensors[view.name]!
      func shifted(by step: Double) -> Double {
        reference.tensors[view.name] = zip(point, direction).map { $0 + step * $1 }
        return loss()
      }
      let numeric = (shifted(by: 1e-5) - shifted(by: -1e-5)) / 2e-5
      reference.tensors[view.name] = point
      let analytic = zip(gradient, direction).reduce(0) { $0 + $1.0 * $1.1 }
      let scale = zip(gradient, direction).reduce(1e-3) { $0 + abs($1.0 * $1.1) }
      #expect(
        abs(numeric - analytic) < tolerance * scale,
        "seed \(seed) \(view.name): \(numeric) against \(analytic), \(model.configuration)")
    }
  }

  @Test(arguments: 0..<12 as Range<UInt64>)
  func `full-precision gradients equal central differences of the reference`(seed: UInt64) throws {
    let model = try RandomModel(seed: seed, quantization: .none)
    try checkGradients(seed: seed, model: model, bits: nil)
  }

  @Test(arguments: 0..<8 as Range<UInt64>, ActivationBits.allCases)
  func `ternary gradients equal central differences of the straight-through surrogate`(
    seed: UInt64, bits: ActivationBits
  ) throws {
    let model = try RandomModel(seed: seed, quantization: .ternary)
    try checkGradients(seed: seed, model: model, bits: bits)
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `one, two and three threads give the same bits`(seed: UInt64) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let batch = model.batch
      var random = SplitMix64(seed: seed)
      let weights = random.floats(batch.tokens.count * model.configuration.hiddenSize)
      let results = try (1...3).map { threads in
        let gradients = Parameters(layout: ParameterLayout(model.configuration))
        let fast = try model.fast(
          gradients: gradients, bits: quantization == .ternary ? .eight : nil,
          team: ComputeTeam(threadCount: threads))
        let hidden = fast.forward(batch)
        let outputs = (0..<weights.count).map { hidden[$0].bitPattern }
        fast.backward(hiddenGradient: weights)
        return outputs
          + (0..<gradients.layout.count).map { gradients.values[$0].bitPattern }
      }
      #expect(results[0] == results[1], "seed \(seed), two threads")
      #expect(results[0] == results[2], "seed \(seed), three threads")
    }
  }

  @Test func `padding changes no bit of the real positions`() throws {
    let model = try RandomModel(seed: 5, quantization: .ternary)
    let longer = TokenBatch(model.texts, length: model.batch.length + 5)
    let fast = try Transformer(
      configuration: model.configuration, parameters: model.parameters, gradients: nil,
      maximumSequences: 3, maximumLength: longer.length)
    fast.quantizeWeights()
    let width = model.configuration.hiddenSize
    func rows(_ batch: TokenBatch) -> [Float] {
      let hidden = fast.forward(batch)
      return batch.lengths.enumerated().flatMap { sequence, length in
        (0..<Int(length) * width).map { hidden[sequence * batch.length * width + $0] }
      }
    }
    #expect(rows(model.batch) == rows(longer))
  }

  @Test(arguments: 0..<6 as Range<UInt64>)
  func `the memory of a step is known before it is allocated`(seed: UInt64) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let layout = ParameterLayout(model.configuration)
      for gradients in [Parameters(layout: layout), nil] {
        let estimate = Transformer.memoryBytes(
          configuration: model.configuration, sequences: 3, length: model.batch.length,
          training: gradients != nil)
        let fast = try model.fast(gradients: gradients, bits: nil)
        #expect(
          fast.workingBytes
            == estimate.ternaryWeights + estimate.activations + estimate.scratch)
        #expect(estimate.parameters == layout.count * 4)
        #expect(estimate.optimizer == (gradients == nil ? 0 : layout.count * 8))
      }
    }
  }

  @Test func `a model without gradients gives the same bits from less memory`() throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: 11, quantization: quantization)
      let training = try model.fast(
        gradients: Parameters(layout: ParameterLayout(model.configuration)), bits: nil)
      let predicting = try model.fast(gradients: nil, bits: nil)
      let count = model.batch.tokens.count * model.configuration.hiddenSize
      let (left, right) = (training.forward(model.batch), predicting.forward(model.batch))
      #expect((0..<count).allSatisfy { left[$0] == right[$0] })
      #expect(predicting.workingBytes < training.workingBytes)
    }
  }

  @Test func `a flip to four bits between steps changes the result, and flipping back restores it`()
    throws
  {
    let model = try RandomModel(seed: 3, quantization: .ternary)
    let fast = try model.fast(gradients: nil, bits: nil)
    let count = model.configuration.hiddenSize * Int(model.batch.lengths[0])
    func forward(_ bits: ActivationBits) -> [Float] {
      fast.activationBits = bits
      let hidden = fast.forward(model.batch)
      return (0..<count).map { hidden[$0] }
    }
    let (before, flipped, after) = (forward(.eight), forward(.four), forward(.eight))
    #expect(before == after && before != flipped)
  }

  // A product of bf16 operands is off by 2^-9 of its largest term. These random weights make scores of
  // some tens, whose probabilities then move by a tenth of themselves (AttentionPrecisionTests bounds
  // attention alone by 0.02), and where that moves a code of the next projection by one, so it does
  // a whole row. With int16 attention is in fp32, and codes are the same ones.
  @Test(arguments: 0..<6 as Range<UInt64>, [(ProductPrecision.bf16, Float(0.3)), (.int16, 0.02)])
  func `rounded gradients follow those of fp32`(
    seed: UInt64, rounding: (precision: ProductPrecision, bound: Float)
  ) throws {
    for quantization in ModelConfiguration.Quantization.allCases {
      let model = try RandomModel(seed: seed, quantization: quantization)
      let batch = model.batch
      var random = SplitMix64(seed: seed)
      var weights = random.floats(batch.tokens.count * model.configuration.hiddenSize)
      for row in 0..<batch.tokens.count
      where row % batch.length >= batch.lengths[row / batch.length] {
        for column in 0..<model.configuration.hiddenSize {
          weights[row * model.configuration.hiddenSize + column] = 0
        }
      }
      let gradients = try [ProductPrecision.fp32, rounding.precision].map { precision in
        let gradients = Parameters(layout: ParameterLayout(model.configuration))
        let fast = try model.fast(gradients: gradients, bits: nil, precision: precision)
        _ = fast.forward(batch)
        fast.backward(hiddenGradient: weights)
        return gradients
      }
      for view in gradients[0].layout.views where view.name != "lm_head.weight" {
        let (exact, rounded) = (gradients[0][view.name]!, gradients[1][view.name]!)
        let norm = exact.reduce(1e-6) { $0 + $1 * $1 }.squareRoot()
        let distance = zip(exact, rounded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
          .squareRoot()
        #expect(
          distance < rounding.bound * norm, "seed \(seed), \(quantization), \(view.name)")
      }
    }
  }
}
