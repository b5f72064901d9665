import Kernels
import Testing
import Transformer

@testable import Distillation

/// The comparison itself; through a whole model it is tested in AttentionRelationModelTests.
struct AttentionRelationLossTests {
  static let optionsList: [AttentionRelationOptions] = [
    AttentionRelationOptions(), AttentionRelationOptions(isMasked: false),
    AttentionRelationOptions(temperature: 0.5, scale: .squareRoot),
    AttentionRelationOptions(heads: 2, temperature: 0.2, isMasked: false, scale: .squareRoot),
    AttentionRelationOptions(heads: 12, temperature: 0.1),
  ]

  @Test(arguments: InstructionSet.available, optionsList)
  func `sums equal the reference in double precision`(
    instructionSet: InstructionSet, options: AttentionRelationOptions
  ) throws {
    let problem = RelationProblem(options: options, seed: 5)
    let sums = try problem.answer(weight: 0, instructionSet: instructionSet).sums
    #expect(sums.rows == (53 + 1 + 17) * (options.heads ?? 4))
    // Shares of some tens of keys in fp32: about 1e-7 of a row's scores.
    let bound = 2e-6 * Double(sums.rows)
    #expect(abs(sums.queries - problem.reference(0)) < bound)
    #expect(abs(sums.keys - problem.reference(1)) < bound)
    #expect(abs(sums.values - problem.reference(2)) < bound)
    #expect(sums.queries > 100 * bound || options == AttentionRelationOptions())
    let mean = (sums.queries + sums.keys + sums.values) / Double(sums.rows)
    #expect(abs(sums.mean - mean) < 1e-12)
  }

  @Test(arguments: InstructionSet.available, optionsList)
  func `gradients equal central differences, and are added with their weight`(
    instructionSet: InstructionSet, options: AttentionRelationOptions
  ) throws {
    // Padding in two sequences.
    var problem = RelationProblem(options: options, lengths: [6, 1, 4], length: 6, seed: 7)
    let weight: Float = 3
    let answer = try problem.answer(weight: weight, instructionSet: instructionSet, before: 0.25)
    let factor = Double(weight) / Double(answer.sums.rows)
    let heads = options.heads ?? 4
    var random = SplitMix64(seed: 8)
    for kind in 0..<3 {
      for _ in 0..<8 {
        let element = Int.random(in: 0..<problem.studentVectors[kind].count, using: &random)
        let saved = problem.options
        problem.options.heads = heads
        let expected = factor * problem.centralDifference(kind, element: element)
        problem.options = saved
        let measured = Double(answer.gradients[kind][element]) - 0.25
        #expect(abs(measured - expected) < 3e-6 + 1e-4 * abs(expected), "\(kind) \(element)")
      }
    }
  }

  @Test(arguments: optionsList)
  func `the squares are those of the gradient without its weight`(
    options: AttentionRelationOptions
  ) throws {
    let problem = RelationProblem(options: options, seed: 9)
    let answer = try problem.answer(weight: 2)
    let rows = Double(answer.sums.rows)
    let norms = answer.gradients.map { $0.reduce(0) { $0 + Double($1) * Double($1) } }
    let sums = answer.sums
    for (square, norm) in zip(
      [sums.queryGradientSquare, sums.keyGradientSquare, sums.valueGradientSquare], norms)
    {
      #expect(abs(square / (norm * rows * rows / 4) - 1) < 1e-5)
    }
    #expect(abs(sums.gradientNorm / (norms.reduce(0, +).squareRoot() / 2) - 1) < 1e-5)
  }

  @Test(arguments: InstructionSet.available, optionsList)
  func `equal models give no loss and no gradient`(
    instructionSet: InstructionSet, options: AttentionRelationOptions
  ) throws {
    let problem = RelationProblem(options: options, equalModels: true, seed: 11)
    let answer = try problem.answer(weight: 1, instructionSet: instructionSet)
    #expect(abs(answer.sums.mean) < 1e-12 && answer.sums.gradientNorm < 1e-12)
    #expect(answer.gradients.allSatisfy { $0.allSatisfy { abs($0) < 1e-12 } })
  }

  @Test func `padding neither shows nor gets a gradient under the mask`() throws {
    let problem = RelationProblem(
      options: AttentionRelationOptions(), lengths: [5, 9], length: 9, seed: 13)
    var other = problem
    for kind in 0..<3 {
      // The first sequence's last four positions.
      let width = problem.studentWidths[kind]
      for index in 5 * width..<9 * width { other.studentVectors[kind][index] += 3 }
    }
    let (answer, changed) = (try problem.answer(weight: 1), try other.answer(weight: 1))
    #expect(answer == changed)
    for kind in 0..<3 {
      let width = problem.studentWidths[kind]
      #expect(answer.gradients[kind][5 * width..<9 * width].allSatisfy { $0 == 0 })
    }
  }

  @Test func `vectors of zeros have no direction, and do no harm`() throws {
    var problem = RelationProblem(
      options: AttentionRelationOptions(), lengths: [7], length: 7, seed: 15)
    for kind in 0..<3 {
      for index in 0..<problem.studentWidths[kind] { problem.studentVectors[kind][index] = 0 }
    }
    let answer = try problem.answer(weight: 1)
    #expect(answer.sums.mean.isFinite)
    #expect(abs(answer.sums.keys - problem.reference(1)) < 1e-5)
    #expect(answer.gradients.allSatisfy { $0.allSatisfy(\.isFinite) })
  }

  @Test(arguments: InstructionSet.available)
  func `a NaN is seen`(instructionSet: InstructionSet) throws {
    for kind in 0..<3 {
      var problem = RelationProblem(options: AttentionRelationOptions(), seed: 17)
      problem.studentVectors[kind][40] = .nan
      let answer = try problem.answer(weight: 1, instructionSet: instructionSet)
      #expect(answer.sums.mean.isNaN)
      #expect(answer.gradients[kind].contains { $0.isNaN })
    }
  }

  @Test(arguments: optionsList)
  func `the bits do not depend on the thread count`(options: AttentionRelationOptions) throws {
    let problem = RelationProblem(options: options, seed: 19)
    let one = try problem.answer(weight: 1, threads: 1)
    for threads in 2...3 { #expect(try problem.answer(weight: 1, threads: threads) == one) }
  }

  // MARK: - Which layers and heads

  private func loss(_ options: AttentionRelationOptions) throws -> AttentionRelationLoss {
    try AttentionRelationLoss(
      student: RelationProblem.student, teacher: RelationProblem.teacher, options: options,
      maximumRows: 8, maximumLength: 8, team: ComputeTeam(threadCount: 1))
  }

  @Test func `without a layer it is the one at four fifths of both depths`() throws {
    let loss = try loss(AttentionRelationOptions())
    #expect(loss.layers == [1] && loss.teacherLayers == [2])
    var (deep, deeper) = (RelationProblem.student, RelationProblem.teacher)
    (deep.numHiddenLayers, deeper.numHiddenLayers) = (12, 28)
    let other = try AttentionRelationLoss(
      student: deep, teacher: deeper, options: AttentionRelationOptions(), maximumRows: 8,
      maximumLength: 8, team: ComputeTeam(threadCount: 1))
    // 0.8 · 12 = 9.6: the tenth; 10 / 12 · 28 = 23.3: the 23rd.
    #expect(other.layers == [9] && other.teacherLayers == [22])
  }

  @Test func `without a number of heads it is the largest that fits`() throws {
    // Widths of 24, 12, 24 and 24, and four heads.
    #expect(try loss(AttentionRelationOptions()).heads == 4)
    var student = RelationProblem.student
    student.headDim = 10
    let other = try AttentionRelationLoss(
      student: student, teacher: RelationProblem.teacher, options: AttentionRelationOptions(),
      maximumRows: 8, maximumLength: 8, team: ComputeTeam(threadCount: 1))
    // 40, 20, 24, 24.
    #expect(other.heads == 4)
  }

  @Test func `what cannot be compared is refused by name, all of it at once`() {
    let options = AttentionRelationOptions(
      layers: [2, -1], teacherLayers: [3], heads: 5, temperature: 0)
    #expect(
      throws: TrainingError.invalidRecipe([
        "ad.layers: the student has the layers 0 ... 1, not 2",
        "ad.layers: the student has the layers 0 ... 1, not -1",
        "ad.teacher_layers must have a layer for each of the student's 2",
        "ad.teacher_layers: the teacher has the layers 0 ... 2, not 3",
        "ad.heads: 5 does not divide all of the widths 24 (the student's queries), 12 (its keys and "
          + "values), 24 (the teacher's queries) and 24 (its keys and values)",
        "ad.temperature must be above 0",
      ])
    ) { try loss(options) }
    #expect(throws: TrainingError.invalidRecipe(["ad.layers must not repeat a layer"])) {
      try loss(AttentionRelationOptions(layers: [1, 1]))
    }
  }
}
