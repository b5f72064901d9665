import Kernels
import Testing
import Transformer

@testable import Distillation

/// The relations of two whole models: a student with grouped queries, QK-norm and SubLN, and a teacher
/// of another width, depth and head count.
struct AttentionRelationModelTests {
  static let batch = TokenBatch([[3, 1, 4, 1, 5, 9, 2], [6], [5, 3, 5, 8, 9]])

  private let student: ModelConfiguration = {
    var configuration = RelationProblem.student
    (configuration.qkNorm, configuration.subNorm) = (true, true)
    return configuration
  }()

  private func parameters(_ configuration: ModelConfiguration, seed: UInt64) -> Parameters {
    var random = SplitMix64(seed: seed)
    let parameters = Parameters(layout: ParameterLayout(configuration))
    for view in parameters.layout.views {
      for index in 0..<view.count {
        let number = Float.random(in: -1...1, using: &random)
        parameters.values[view.offset + index] =
          view.name.hasSuffix("norm.weight") ? 1 + 0.3 * number : 0.5 * number
      }
    }
    return parameters
  }

  private func model(
    _ configuration: ModelConfiguration, _ parameters: Parameters, gradients: Parameters? = nil,
    storage: ActivationStorage = .fp32
  ) throws -> Transformer {
    let model = try Transformer(
      configuration: configuration, parameters: parameters, gradients: gradients,
      maximumSequences: Self.batch.sequences, maximumLength: Self.batch.length, storage: storage,
      team: ComputeTeam(threadCount: 1))
    model.quantizeWeights()
    return model
  }

  /// A loss that has seen the teacher's forward pass.
  private func loss(_ options: AttentionRelationOptions) throws -> AttentionRelationLoss {
    let loss = try AttentionRelationLoss(
      student: student, teacher: RelationProblem.teacher, options: options,
      maximumRows: Self.batch.tokens.count, maximumLength: Self.batch.length,
      team: ComputeTeam(threadCount: 2))
    let teacher = try model(
      RelationProblem.teacher, parameters(RelationProblem.teacher, seed: 1))
    _ = teacher.forward(Self.batch) { layer, vectors in
      loss.keepTeacher(
        layer: layer, vectors: vectors, lengths: Self.batch.lengths, length: Self.batch.length)
    }
    return loss
  }

  /// The student's sums over its layers; what a gradient is added to is thrown away.
  private func sums(_ loss: AttentionRelationLoss, _ parameters: Parameters) throws -> Double {
    let fast = try model(student, parameters)
    let nowhere = AlignedBuffer<Float>(count: Self.batch.tokens.count * student.queryWidth)
    var sums = AttentionRelationSums()
    _ = fast.forward(Self.batch) { layer, vectors in
      sums += loss.add(
        layer: layer, vectors: vectors,
        gradients: AttentionGradients(
          dqueries: nowhere.pointer, dkeys: nowhere.pointer, dvalues: nowhere.pointer),
        lengths: Self.batch.lengths, length: Self.batch.length, weight: 0)
    }
    return sums.mean
  }

  private func adds(
    _ loss: AttentionRelationLoss, weight: Float
  ) -> (Int, AttentionVectors, AttentionGradients) -> Void {
    { layer, vectors, gradients in
      _ = loss.add(
        layer: layer, vectors: vectors, gradients: gradients, lengths: Self.batch.lengths,
        length: Self.batch.length, weight: weight)
    }
  }

  /// The loss's gradient by all parameters of the student.
  private func gradients(
    _ loss: AttentionRelationLoss, _ parameters: Parameters, weight: Float,
    hiddenGradient: [Float]? = nil, storage: ActivationStorage = .fp32, fromLayer: Int? = nil
  ) throws -> [Float] {
    let gradients = Parameters(layout: parameters.layout)
    gradients.values.update(repeating: 0.5, count: gradients.layout.count)
    let fast = try model(student, parameters, gradients: gradients, storage: storage)
    let rows = Self.batch.tokens.count
    _ = fast.forward(Self.batch)
    if let fromLayer {
      fast.backward(fromLayer: fromLayer, .set, attention: adds(loss, weight: weight))
    } else {
      let hidden = hiddenGradient ?? [Float](repeating: 0, count: rows * student.hiddenSize)
      // The head's gradient is the loss's to set.
      for name in ["lm_head.weight"] {
        let view = gradients.layout[name]!
        (gradients.values + view.offset).update(repeating: 0, count: view.count)
      }
      fast.backward(hiddenGradient: hidden, .set, attention: adds(loss, weight: weight))
    }
    return gradients.layout.views.flatMap { view in
      Array(UnsafeBufferPointer(start: gradients.values + view.offset, count: view.count))
    }
  }

  static let optionsList: [AttentionRelationOptions] = [
    AttentionRelationOptions(temperature: 0.3), AttentionRelationOptions(layers: [0, 1]),
    AttentionRelationOptions(layers: [0], isMasked: false),
    AttentionRelationOptions(layers: [1], teacherLayers: [0], heads: 2, scale: .squareRoot),
  ]

  @Test(arguments: optionsList)
  func `the parameters' gradient equals central differences through the whole model`(
    options: AttentionRelationOptions
  ) throws {
    let loss = try loss(options)
    let parameters = parameters(student, seed: 2)
    let analytic = try gradients(loss, parameters, weight: 1)
    var random = SplitMix64(seed: 3)
    var first = 0
    for view in parameters.layout.views {
      // One direction in each tensor, so that a thousand numbers need two forward passes each only.
      let direction = (0..<view.count).map { _ in Float.random(in: -1...1, using: &random) }
      let values = parameters.values + view.offset
      let saved = Array(UnsafeBufferPointer(start: values, count: view.count))
      func mean(at step: Float) throws -> Double {
        for index in 0..<view.count { values[index] = saved[index] + step * direction[index] }
        return try sums(loss, parameters)
      }
      let step: Float = 1.0 / 256
      let near = try mean(at: step) - mean(at: -step)
      let far = try mean(at: 2 * step) - mean(at: -2 * step)
      let measured = (8 * near - far) / (12 * Double(step))
      _ = try mean(at: 0)
      let expected = zip(direction, analytic[first..<first + view.count]).reduce(0) {
        $0 + Double($1.0) * Double($1.1)
      }
      // The forward pass is fp32: sums of 1e-7, divided by the step.
      #expect(abs(measured - expected) < 1e-4 + 5e-3 * abs(expected), "\(view.name)")
      first += view.count
    }
  }

  @Test func `gradients of the hidden state and of the relations add up`() throws {
    let loss = try loss(AttentionRelationOptions(layers: [0, 1]))
    let parameters = parameters(student, seed: 4)
    var random = SplitMix64(seed: 5)
    let count = Self.batch.tokens.count * student.hiddenSize
    let hidden = (0..<count).map { index in
      let row = index / student.hiddenSize
      let isPadding = row % Self.batch.length >= Self.batch.lengths[row / Self.batch.length]
      return isPadding ? 0 : Float.random(in: -1...1, using: &random)
    }
    let together = try gradients(loss, parameters, weight: 20, hiddenGradient: hidden)
    let relations = try gradients(loss, parameters, weight: 20)
    let state = try gradients(loss, parameters, weight: 0, hiddenGradient: hidden)
    let scale = together.map(abs).max() ?? 0
    for index in together.indices {
      #expect(abs(together[index] - relations[index] - state[index]) < 2e-6 * scale)
    }
  }

  @Test(arguments: [0, 1])
  func `the way from a layer down is the whole way without a gradient of the hidden state`(
    layer: Int
  ) throws {
    let loss = try loss(AttentionRelationOptions(layers: [layer]))
    let parameters = parameters(student, seed: 6)
    for storage in ActivationStorage.allCases {
      let whole = try gradients(loss, parameters, weight: 1, storage: storage)
      let part = try gradients(loss, parameters, weight: 1, storage: storage, fromLayer: layer)
      #expect(whole == part)
      #expect(part.contains { $0 != 0 })
    }
  }

  @Test(arguments: optionsList)
  func `every storage of activations gives the same gradient`(
    options: AttentionRelationOptions
  ) throws {
    let loss = try loss(options)
    let parameters = parameters(student, seed: 8)
    let exact = try gradients(loss, parameters, weight: 1)
    #expect(try gradients(loss, parameters, weight: 1, storage: .recomputed) == exact)
    let rounded = try gradients(loss, parameters, weight: 1, storage: .bf16)
    func norm(_ x: [Float]) -> Float { x.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    // Vectors are off by 2^-9 of themselves, and so are differences of their cosines.
    #expect(norm(zip(rounded, exact).map { $0 - $1 }) < 0.05 * norm(exact))
  }

  @Test func `a backward pass may follow another`() throws {
    let loss = try loss(AttentionRelationOptions())
    let parameters = parameters(student, seed: 10)
    for storage in ActivationStorage.allCases {
      let gradients = Parameters(layout: parameters.layout)
      let fast = try model(student, parameters, gradients: gradients, storage: storage)
      _ = fast.forward(Self.batch)
      func pass() -> [Float] {
        fast.backward(fromLayer: 1, .set, attention: adds(loss, weight: 1))
        return Array(UnsafeBufferPointer(start: gradients.values, count: gradients.layout.count))
      }
      let once = pass()
      #expect(pass() == once)
    }
  }

  @Test func `the backward pass hands out the vectors of the forward pass`() throws {
    let parameters = parameters(student, seed: 12)
    let rows = Self.batch.tokens.count
    func copies(_ vectors: AttentionVectors) -> [[Float]] {
      [
        (vectors.queries, vectors.queryWidth), (vectors.keys, vectors.keyValueWidth),
        (vectors.values, vectors.keyValueWidth),
      ].map { Array(UnsafeBufferPointer(start: $0.0, count: rows * $0.1)) }
    }
    for storage in [ActivationStorage.fp32, .recomputed] {
      let gradients = Parameters(layout: parameters.layout)
      let fast = try model(student, parameters, gradients: gradients, storage: storage)
      var forward: [[[Float]]] = []
      _ = fast.forward(Self.batch) { layer, vectors in
        #expect(layer == forward.count)
        forward.append(copies(vectors))
      }
      var backward: [[[Float]]] = []
      let hidden = [Float](repeating: 0.1, count: rows * student.hiddenSize)
      fast.backward(hiddenGradient: hidden) { layer, vectors, _ in
        #expect(layer == student.numHiddenLayers - 1 - backward.count)
        backward.append(copies(vectors))
      }
      #expect(forward.count == student.numHiddenLayers)
      #expect(forward == backward.reversed())
    }
  }
}
