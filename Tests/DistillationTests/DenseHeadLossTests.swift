import Foundation
import Kernels
import Testing

@testable import Distillation

/// Distillation over a local teacher's whole vocabulary.
struct DenseHeadLossTests {
  /// Rows of every call of the teacher's head.
  private final class Asked {
    var counts: [Int] = []
  }

  /// 1, 2, 4 and 5 go another way than others: e^z is a power of e^(z/τ).
  static let temperatures: [Float] = [0.6, 1, 1.3, 2, 4, 5]

  static let weightings: [LossWeights] = Divergence.allCases.flatMap { divergence in
    temperatures.enumerated().map { index, temperature in
      LossWeights(
        kd: DistillationLoss(
          weight: 0.7, temperature: temperature, scalesByTemperatureSquared: index % 2 == 1,
          divergence: divergence),
        ce: 0.25, format: 0.2)
    }
  }

  // 67 and 1,100: several vectors and a rest, and more terms than a partial sum takes.
  @Test(arguments: InstructionSet.available, [67, 64, 5, 1100])
  func `every term equals the reference in double precision`(
    instructionSet: InstructionSet, vocabularySize: Int
  ) {
    for (index, weights) in Self.weightings.enumerated() {
      let problem = DenseHeadProblem(
        vocabularySize: vocabularySize, rows: vocabularySize > 1000 ? 1 : 5,
        seed: UInt64(300 + index))
      let sums = problem.gradient(weights, instructionSet: instructionSet).sums
      let expected = problem.referenceSums(weights)
      // Logits of a few units in fp32: about 1e-6 a row, times 25 where τ² is.
      let bound = 5e-6 * Double(expected.targets)
      #expect(abs(sums.ce - expected.ce) < bound, "\(weights)")
      #expect(abs(sums.kd - expected.kd) < bound * Double(weights.kd.factor), "\(weights)")
      #expect(abs(sums.format - expected.format) < bound, "\(weights)")
      #expect(sums.targets == expected.targets)
      #expect(sums.structuralTargets == expected.structuralTargets)
      #expect(sums.invalidRows == 0)
    }
  }

  @Test(arguments: InstructionSet.available)
  func `the gradients equal central differences`(instructionSet: InstructionSet) {
    for (index, weights) in Self.weightings.enumerated() {
      var problem = DenseHeadProblem(vocabularySize: 39, rows: 4, seed: UInt64(400 + index))
      let gradient = problem.gradient(weights, instructionSet: instructionSet)
      var random = SplitMix64(seed: UInt64(index))
      for _ in 0..<6 {
        let inHead = Bool.random(using: &random)
        let student = problem.student
        let element = Int.random(
          in: 0..<(inHead ? student.head.count : student.hidden.count), using: &random)
        let measured = problem.centralDifference(weights, element: element, inHead: inHead)
        let analytic = Double(inHead ? gradient.head[element] : gradient.hidden[element])
        // The reference is exact to 1e-9; what is left is fp32's rounding in the product.
        #expect(
          abs(measured - analytic) < 5e-6 + 3e-5 * abs(measured),
          "\(weights.kd) element \(element), head \(inHead)")
      }
    }
  }

  @Test(arguments: InstructionSet.available, Divergence.allCases)
  func `a student equal to the teacher has no loss and no gradient at any temperature`(
    instructionSet: InstructionSet, divergence: Divergence
  ) {
    for temperature in Self.temperatures {
      let problem = DenseHeadProblem.equalModels(seed: 11)
      let weights = LossWeights(
        kd: DistillationLoss(temperature: temperature, divergence: divergence), ce: 0, format: 0)
      let gradient = problem.gradient(weights, instructionSet: instructionSet)
      #expect(abs(gradient.sums.means.kd) < 1e-6, "τ \(temperature)")
      #expect((gradient.hidden.map(abs).max() ?? 1) < 2e-6, "τ \(temperature)")
    }
  }

  @Test func `neither threads nor chunks show in the bits of a row's gradient`() {
    // 300 rows: one chunk, or five.
    let problem = DenseHeadProblem(vocabularySize: 40, rows: 300, seed: 7)
    let weights = LossWeights(kd: DistillationLoss(temperature: 5))
    for maximumRows in [64, 300] {
      let one = problem.gradient(weights, threads: 1, maximumRows: maximumRows)
      for threads in 2...3 {
        let more = problem.gradient(weights, threads: threads, maximumRows: maximumRows)
        #expect(one.hidden == more.hidden && one.head == more.head && one.sums == more.sums)
      }
    }
    let whole = problem.gradient(weights)
    let chunked = problem.gradient(weights, maximumRows: 64)
    // A product may add in another order when it has other rows: fp32 rounding of a few logits.
    #expect(abs(whole.sums.kd - chunked.sums.kd) < 1e-6 * 300)
    for (left, right) in zip(whole.head, chunked.head) { #expect(abs(left - right) < 2e-6) }
  }

  @Test(arguments: InstructionSet.available, Divergence.allCases)
  func `a NaN is seen, whichever side it is on`(
    instructionSet: InstructionSet, divergence: Divergence
  ) {
    let weights = LossWeights(kd: DistillationLoss(temperature: 5, divergence: divergence))
    // The last token lies behind the whole vectors, the first within.
    for token in [0, 66] {
      var problem = DenseHeadProblem(seed: 17)
      problem.teacherHead[token * problem.teacherWidth] = .nan
      let ofTeacher = problem.gradient(weights, instructionSet: instructionSet)
      #expect(ofTeacher.sums.kd.isNaN && !ofTeacher.isFinite)
      #expect(ofTeacher.sums.ce.isFinite)
      problem = DenseHeadProblem(seed: 17)
      problem.student.head[token * problem.student.width] = .nan
      let ofStudent = problem.gradient(weights, instructionSet: instructionSet)
      #expect(ofStudent.sums.kd.isNaN && ofStudent.sums.ce.isNaN && !ofStudent.isFinite)
    }
  }

  @Test(arguments: Divergence.allCases)
  func `a term's gradient norm is that of its logits' gradient`(divergence: Divergence) {
    // With the identity as head, the gradient of the hidden state is that of the logits.
    var problem = DenseHeadProblem(vocabularySize: 24, seed: 23)
    problem.student = HeadProblem(vocabularySize: 24, width: 24, candidateCount: 0, seed: 23)
    problem.student.makeHeadIdentity()
    let weights = [
      LossWeights(
        kd: DistillationLoss(
          weight: 0.5, temperature: 2, scalesByTemperatureSquared: true, divergence: divergence),
        ce: 0, format: 0),
      LossWeights(
        kd: DistillationLoss(weight: 1e-30, divergence: divergence), ce: 0.7, format: 0),
    ]
    for weights in weights {
      let gradient = problem.gradient(weights)
      let norm = gradient.hidden.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let norms = gradient.sums.gradientNorms(weights)
      #expect(abs(norms.kd + norms.ce - norm) < 1e-5 * norm)
    }
  }

  @Test func `the teacher's head sees the rows of the loss only, some at a time`() {
    let problem = DenseHeadProblem(vocabularySize: 40, rows: 300, seed: 29)
    func counts(maximumRows: Int) -> [Int] {
      let asked = Asked()
      _ = problem.gradient(LossWeights(), maximumRows: maximumRows) { asked.counts.append($0) }
      return asked.counts
    }
    // A quarter of the student's chunk, but not below 64 rows.
    #expect(counts(maximumRows: 300) == [75, 75, 75, 75])
    #expect(counts(maximumRows: 100) == [100, 100, 100])
  }

  @Test func `without a weight the teacher's head is not asked`() {
    let problem = DenseHeadProblem(seed: 31)
    let asked = Asked()
    let weights = LossWeights(kd: DistillationLoss(weight: 0))
    let gradient = problem.gradient(weights) { asked.counts.append($0) }
    #expect(asked.counts.isEmpty && gradient.sums.kd == 0)
  }

  @Test func `a teacher's logits cost hardly more memory than the student's alone`() {
    func bytes(_ teacherWidth: Int?) -> Int {
      let logits = HeadLoss.logitCount(
        vocabularySize: 32_000, maximumRows: 4096, hasTeacher: teacherWidth != nil)
      return logits * MemoryLayout<Float>.stride
        + HeadLoss.scratchBytes(
          vocabularySize: 32_000, width: 512, maximumRows: 4096, denseTeacherWidth: teacherWidth)
    }
    #expect(bytes(512) < bytes(nil) * 11 / 10)
  }
}
