import Kernels
import TestSupport
import Testing
import Transformer

/// Steps at partial strength of quantization.
struct QuantizationRampTests {
  /// The hidden states of the real positions, and the gradient of a random weighting of them.
  private func run(
    _ model: RandomModel, strength: Float?, bits: ActivationBits? = .eight,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own
  ) throws -> (hidden: [Float], gradient: [Float]) {
    let gradients = Parameters(layout: ParameterLayout(model.configuration))
    let fast = try model.fast(
      gradients: gradients, bits: bits, storage: storage, gradientMemory: gradientMemory)
    if model.configuration.quantization == .ternary { fast.quantizationStrength = strength }
    let batch = model.batch
    let width = model.configuration.hiddenSize
    var random = SplitMix64(seed: 71)
    var weights = random.floats(batch.tokens.count * width)
    var hidden: [Float] = []
    let result = fast.forward(batch)
    for row in 0..<batch.tokens.count {
      let isReal = row % batch.length < Int(batch.lengths[row / batch.length])
      for column in row * width..<(row + 1) * width {
        if isReal { hidden.append(result[column]) } else { weights[column] = 0 }
      }
    }
    fast.backward(hiddenGradient: weights, .set)
    return (hidden, (0..<gradients.layout.count).map { gradients.values[$0] })
  }

  /// The largest difference, as a share of the largest magnitude.
  private func distance(_ left: [Float], _ right: [Float]) -> Float {
    let scale = left.reduce(1e-3) { max($0, abs($1)) }
    return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) } / scale
  }

  // Where the rounding of the floats' sum falls on another side of a code of the next projection, a
  // row is off by a step of it; that is rare, so most models must agree to float rounding.
  @Test func `all of the strength in floats gives what the integers give`() throws {
    var distances: [Float] = []
    for seed in 0..<20 as Range<UInt64> {
      let model = try RandomModel(seed: seed, quantization: .ternary)
      for bits in ActivationBits.allCases {
        let (integers, floats) = (
          try run(model, strength: nil, bits: bits), try run(model, strength: 1, bits: bits)
        )
        distances.append(distance(integers.hidden, floats.hidden))
        distances.append(distance(integers.gradient, floats.gradient))
      }
    }
    distances.sort()
    #expect(distances[distances.count * 3 / 4] < 1e-4)
    #expect(distances.last! < 0.5)
  }

  @Test(arguments: 0..<10 as Range<UInt64>)
  func `no strength gives the full-precision model of the same weights`(seed: UInt64) throws {
    let model = try RandomModel(seed: seed, quantization: .ternary)
    // A rotated input has weights that are trained behind the rotation: there is no such model
    // without.
    guard !model.configuration.usesHadamard else { return }
    let full = try RandomModel(seed: seed, quantization: .none)
    #expect(full.parameters.layout.count == model.parameters.layout.count)
    let expected = try run(full, strength: nil, bits: nil)
    let ramped = try run(model, strength: 0)
    #expect(ramped.hidden == expected.hidden && ramped.gradient == expected.gradient)
  }

  // As in TransformerTests: sums of up to 100 terms, and rounding ties between float and double.
  @Test(arguments: 0..<8 as Range<UInt64>, [0, 0.3, 0.8])
  func `the forward pass and its gradients are those of the reference`(
    seed: UInt64, strength: Float
  ) throws {
    let model = try RandomModel(seed: seed, quantization: .ternary)
    let (hidden, gradient) = try run(model, strength: strength)
    var reference = model.reference(bits: .eight)
    reference.quantizationStrength = Double(strength)
    reference.rounding = .recording
    let expected = reference.hidden(model.texts).flatMap { $0.flatMap { $0.map { Float($0) } } }
    let isTied = distance(expected, hidden) > 2e-5
    #expect(distance(expected, hidden) < 0.3)

    // One random direction per tensor, against central differences of the straight-through surrogate.
    reference.rounding = .replaying
    var random = SplitMix64(seed: 71)
    let width = model.configuration.hiddenSize
    let weights = random.floats(model.batch.tokens.count * width)
    func loss() -> Double {
      var sum = 0.0
      for (sequence, rows) in reference.hidden(model.texts).enumerated() {
        for (position, row) in rows.enumerated() {
          let first = (sequence * model.batch.length + position) * width
          for column in 0..<width { sum += row[column] * Double(weights[first + column]) }
        }
      }
      return sum
    }
    for view in model.parameters.layout.views where view.name != "lm_head.weight" {
      let direction = (0..<view.count).map { _ in Double.random(in: -1...1, using: &random) }
      let point = reference.tensors[view.name]!
      func shifted(by step: Double) -> Double {
        reference.tensors[view.name] = zip(point, direction).map { $0 + step * $1 }
        return loss()
      }
      let numeric = (shifted(by: 1e-5) - shifted(by: -1e-5)) / 2e-5
      reference.tensors[view.name] = point
      let products = zip(gradient[view.offset...], direction).map { Double($0) * $1 }
      let scale = products.reduce(1e-3) { $0 + abs($1) }
      #expect(
        abs(numeric - products.reduce(0, +)) < (isTied ? 0.3 : 1e-4) * scale,
        "seed \(seed) \(view.name), \(model.configuration)")
    }
  }

  @Test func `how activations are kept and where gradients lie changes no bit`() throws {
    for seed in 0..<6 as Range<UInt64> {
      let model = try RandomModel(seed: seed, quantization: .ternary)
      let expected = try run(model, strength: 0.4)
      for memory in [GradientMemory.own, .lent] {
        let found = try run(
          model, strength: 0.4, storage: .recomputed, gradientMemory: memory)
        #expect(found.hidden == expected.hidden, "seed \(seed)")
        #expect(found.gradient == expected.gradient, "seed \(seed)")
      }
    }
  }

  @Test func `after a ramp the integers compute as if there had never been one`() throws {
    let model = try RandomModel(seed: 3, quantization: .ternary)
    let fast = try model.fast(gradients: nil, bits: nil)
    let count = model.configuration.hiddenSize * Int(model.batch.lengths[0])
    func forward(_ strength: Float?) -> [Float] {
      fast.quantizationStrength = strength
      let hidden = fast.forward(model.batch)
      return (0..<count).map { hidden[$0] }
    }
    let before = forward(nil)
    #expect(forward(0.5) != before)
    #expect(forward(nil) == before)
  }
}
