import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

/// Shapes are small; the head's weights are scaled so that distributions are neither flat nor one-hot.
struct HeadLossTests {
  static let weightings: [LossWeights] = Divergence.allCases.flatMap { divergence in
    [(1.3, false), (4.0, true), (1.0, false)].map { temperature, isSquared in
      LossWeights(
        kd: DistillationLoss(
          weight: 0.7, temperature: temperature, scalesByTemperatureSquared: isSquared,
          divergence: divergence),
        ce: 0.25, format: 0.2)
    }
  }

  @Test(arguments: InstructionSet.available)
  func `every term equals the reference in double precision`(instructionSet: InstructionSet) {
    for (index, weights) in Self.weightings.enumerated() {
      let problem = HeadProblem(seed: UInt64(100 + index))
      let sums = problem.loss(weights, instructionSet: instructionSet)
      let expected = problem.referenceSums(weights)
      // Logits of a few units in fp32: about 1e-6 a row.
      #expect(abs(sums.ce - expected.ce) < 2e-5 * Double(problem.targets.count), "\(weights)")
      #expect(abs(sums.kd - expected.kd) < 2e-5 * Double(problem.targets.count), "\(weights)")
      #expect(abs(sums.format - expected.format) < 2e-5 * Double(problem.targets.count))
      #expect(sums.structuralTargets == problem.targets.structuralCount)
    }
  }

  @Test(arguments: InstructionSet.available)
  func `the gradients equal central differences`(instructionSet: InstructionSet) {
    for (index, weights) in Self.weightings.enumerated() {
      var problem = HeadProblem(seed: UInt64(200 + index))
      let gradient = problem.gradient(weights, instructionSet: instructionSet)
      var random = SplitMix64(seed: UInt64(index))
      for _ in 0..<24 {
        let inHead = Bool.random(using: &random)
        let element = Int.random(
          in: 0..<(inHead ? problem.head.count : problem.hidden.count), using: &random)
        let measured = problem.centralDifference(weights, element: element, inHead: inHead)
        let analytic = Double(inHead ? gradient.head[element] : gradient.hidden[element])
        // The reference is exact to 1e-9; what is left is fp32's rounding in the product.
        #expect(
          abs(measured - analytic) < 3e-6 + 2e-5 * abs(measured),
          "\(weights.kd) element \(element), head \(inHead)")
      }
    }
  }

  @Test func `the bits do not depend on the thread count`() {
    let problem = HeadProblem(seed: 7)
    let weights = LossWeights()
    let one = problem.gradient(weights, threads: 1)
    for threads in 2...3 {
      let more = problem.gradient(weights, threads: threads)
      #expect(one.hidden == more.hidden)
      #expect(one.head == more.head)
      #expect(one.sums == more.sums)
    }
  }

  @Test(arguments: [0.5, 1.0, 1.3, 5.0] as [Float], Divergence.allCases)
  func `a student equal to the teacher has no loss and no gradient`(
    temperature: Float, divergence: Divergence
  ) {
    var problem = HeadProblem(seed: 11)
    problem.makeTeacherEqualStudent()
    let weights = LossWeights(
      kd: DistillationLoss(temperature: temperature, divergence: divergence), ce: 0, format: 0)
    let gradient = problem.gradient(weights)
    #expect(abs(gradient.sums.means.kd) < 1e-7)
    #expect((gradient.hidden.map(abs).max() ?? 1) < 1e-6)
  }

  @Test func `rows without a usable signal are counted and change nothing`() {
    var problem = HeadProblem(seed: 13)
    let rows = problem.targets.count
    problem.damageSignals()
    let weights = LossWeights(kd: DistillationLoss(), ce: 0, format: 0)
    let gradient = problem.gradient(weights)
    #expect(gradient.sums.invalidRows == rows)
    #expect(gradient.sums.kd == 0)
    #expect(gradient.isZero)
  }

  @Test(arguments: Divergence.allCases)
  func `strange traces give finite numbers`(divergence: Divergence) {
    let weights = LossWeights(kd: DistillationLoss(divergence: divergence))
    for seed in 0..<200 as Range<UInt64> {
      var problem = HeadProblem(seed: seed)
      problem.makeTracesStrange(seed: seed)
      let gradient = problem.gradient(weights)
      #expect(gradient.sums.total(weights).isFinite, "seed \(seed)")
      #expect(gradient.sums.kd > -1e-6, "seed \(seed)")
      #expect(gradient.isFinite, "seed \(seed)")
    }
  }

  @Test func `a student that is sure of a candidate keeps the mass of the others exact`() {
    // P(other) is about exp(-60): 1 − Σp would round to 0.
    var problem = HeadProblem(seed: 17)
    problem.makeStudentSure(margin: 60)
    let weights = LossWeights(kd: DistillationLoss(temperature: 1), ce: 0, format: 0)
    let sums = problem.loss(weights)
    let expected = problem.referenceSums(weights)
    #expect(abs(sums.kd / expected.kd - 1) < 1e-5)
    #expect(sums.kd / Double(problem.targets.count) > 1)
  }

  @Test func `candidates may be the whole vocabulary`() {
    for divergence in Divergence.allCases {
      let problem = HeadProblem(vocabularySize: 8, candidateCount: 8, seed: 19)
      let weights = LossWeights(kd: DistillationLoss(divergence: divergence))
      let gradient = problem.gradient(weights)
      #expect(abs(gradient.sums.kd - problem.referenceSums(weights).kd) < 1e-4)
      #expect(gradient.isFinite)
    }
  }

  @Test func `a term's gradient norm is that of its logits' gradient`() {
    // With the identity as head, the gradient of the hidden state is that of the logits.
    var problem = HeadProblem(vocabularySize: 24, width: 24, seed: 23)
    problem.makeHeadIdentity()
    let weights = [
      LossWeights(kd: DistillationLoss(weight: 0.5), ce: 0, format: 0),
      LossWeights(kd: DistillationLoss(weight: 0), ce: 0.7, format: 0),
      LossWeights(kd: DistillationLoss(weight: 0), ce: 0, format: 0.3),
    ]
    for weights in weights {
      let gradient = problem.gradient(weights)
      let norm = gradient.hidden.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
      let norms = gradient.sums.gradientNorms(weights)
      #expect(abs(norms.kd + norms.ce + norms.format - norm) < 1e-5 * norm)
    }
  }

  @Test func `a gradient that is set needs no zeros before, whatever the chunks`() {
    let problem = HeadProblem(vocabularySize: 40, rows: 300, seed: 31)
    for maximumRows in [70, 300] {
      let added = problem.gradient(LossWeights(), maximumRows: maximumRows)
      let set = problem.gradient(LossWeights(), maximumRows: maximumRows, writing: .set)
      #expect(set.head == added.head && set.hidden == added.hidden)
    }
  }

  @Test func `a batch without targets sets a gradient of zeros`() {
    var problem = HeadProblem(seed: 37)
    problem.targets = HeadTargets(candidateCount: 0)
    let gradient = problem.gradient(LossWeights(), maximumRows: 4, writing: .set)
    #expect(gradient.isZero)
  }

  @Test func `chunks do not show`() {
    let problem = HeadProblem(vocabularySize: 40, rows: 300, seed: 29)
    let weights = LossWeights()
    let whole = problem.gradient(weights)
    let chunked = problem.gradient(weights, maximumRows: 70)
    #expect(whole.sums.targets == chunked.sums.targets)
    // A product may add in another order when it has other rows: fp32 rounding of a few logits.
    #expect(abs(whole.sums.ce - chunked.sums.ce) < 1e-6 * Double(problem.targets.count))
    for (left, right) in zip(whole.head, chunked.head) { #expect(abs(left - right) < 1e-6) }
  }
}
