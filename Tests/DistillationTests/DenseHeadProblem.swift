import Foundation
import Kernels
import Transformer

@testable import Distillation

/// A small head and a teacher of another width beside it, and the reference's answers to it.
struct DenseHeadProblem {
  var student: HeadProblem
  let teacherWidth: Int
  /// `[positions, teacherWidth]`, of the student's positions.
  var teacherHidden: [Float]
  /// `[vocabularySize, teacherWidth]`
  var teacherHead: [Float]

  init(vocabularySize: Int = 67, rows: Int = 9, teacherWidth: Int = 20, seed: UInt64) {
    student = HeadProblem(
      vocabularySize: vocabularySize, rows: rows, candidateCount: 0, seed: seed)
    self.teacherWidth = teacherWidth
    var random = SplitMix64(seed: seed ^ 0x7EAC)
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float.random(in: -1.2...1.2, using: &random) }
    }
    teacherHidden = numbers(2 * rows * teacherWidth)
    teacherHead = numbers(vocabularySize * teacherWidth)
  }

  /// A teacher that is the student.
  static func equalModels(vocabularySize: Int = 67, seed: UInt64) -> DenseHeadProblem {
    var problem = DenseHeadProblem(vocabularySize: vocabularySize, teacherWidth: 12, seed: seed)
    problem.teacherHidden = problem.student.hidden
    problem.teacherHead = problem.student.head
    return problem
  }

  // MARK: - What is measured

  /// - Parameter asked: told the number of rows whenever the teacher's logits are wanted.
  func gradient(
    _ weights: LossWeights, threads: Int = 1, maximumRows: Int? = nil,
    instructionSet: InstructionSet = .active, asked: @escaping (Int) -> Void = { _ in }
  ) -> HeadProblem.Gradient {
    var hiddenGradient = [Float](repeating: .nan, count: student.hidden.count)
    var headGradient = [Float](repeating: 0, count: student.head.count)
    let (targets, vocabularySize) = (student.targets, student.vocabularySize)
    let loss = HeadLoss(
      vocabularySize: vocabularySize, width: student.width,
      maximumRows: maximumRows ?? targets.count, weights: weights, precision: .fp32,
      team: ComputeTeam(threadCount: threads), instructionSet: instructionSet,
      denseTeacherWidth: teacherWidth)
    let sums = hiddenGradient.withUnsafeMutableBufferPointer { hiddenGradient in
      headGradient.withUnsafeMutableBufferPointer { headGradient in
        teacherHidden.withUnsafeBufferPointer { teacherHidden in
          let teacher = DenseTeacher(hidden: teacherHidden.baseAddress!, width: teacherWidth) {
            rows, count, logits in
            asked(count)
            for index in 0..<(count * vocabularySize) {
              let (row, token) = (index / vocabularySize, index % vocabularySize)
              // The sums' order is the student's product's for equal models only by luck; doubles
              // make the difference one rounding.
              var logit = 0.0
              for column in 0..<teacherWidth {
                logit +=
                  Double(rows[row * teacherWidth + column])
                  * Double(teacherHead[token * teacherWidth + column])
              }
              logits[index] = Float(logit)
            }
          }
          return loss(
            hidden: student.hidden, head: student.head, targets: targets, teacher: teacher,
            gradient: HeadLoss.Gradient(
              hidden: hiddenGradient, head: headGradient.baseAddress, targets: targets.count,
              structuralTargets: targets.structuralCount))
        }
      }
    }
    return HeadProblem.Gradient(sums: sums, hidden: hiddenGradient, head: headGradient)
  }

  func referenceSums(_ weights: LossWeights) -> HeadLossSums {
    var sums = HeadLossSums()
    for row in 0..<student.targets.count {
      let teacher = logits(row, hidden: teacherHidden, head: teacherHead, width: teacherWidth)
      let terms = ReferenceHeadLoss(weights: weights).row(
        logits: logits(row, hidden: student.hidden, head: student.head, width: student.width),
        target: Int(student.targets.tokens[row]),
        // All tokens are candidates, and there is no other cell.
        candidates: teacher.enumerated().map { ($0.offset, $0.element) }, other: 0)
      sums.targets += 1
      sums.ce += terms.ce
      sums.kd += terms.kd
      guard student.targets.isStruct[row] else { continue }
      sums.structuralTargets += 1
      sums.format += terms.ce
    }
    return sums
  }

  /// The derivative of the reference's total loss by one number of the student's.
  mutating func centralDifference(_ weights: LossWeights, element: Int, inHead: Bool) -> Double {
    let step: Float = 1.0 / 1024
    let saved = inHead ? student.head[element] : student.hidden[element]
    func total(_ value: Float, _ problem: inout DenseHeadProblem) -> Double {
      if inHead { problem.student.head[element] = value }
      if !inHead { problem.student.hidden[element] = value }
      return problem.referenceSums(weights).total(weights)
    }
    let (high, low) = (total(saved + step, &self), total(saved - step, &self))
    _ = total(saved, &self)
    return (high - low) / (Double(saved + step) - Double(saved - step))
  }

  private func logits(_ row: Int, hidden: [Float], head: [Float], width: Int) -> [Double] {
    let position = Int(student.targets.positions[row])
    return (0..<student.vocabularySize).map { token in
      var logit = 0.0
      for column in 0..<width {
        logit += Double(hidden[position * width + column]) * Double(head[token * width + column])
      }
      return logit
    }
  }
}
