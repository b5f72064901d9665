import Foundation
import Kernels
import Transformer

@testable import Distillation

/// A small head with targets and traces, and the reference's answers to it.
struct HeadProblem {
  let vocabularySize: Int
  let width: Int
  /// `[positions, width]`; there are more positions than targets.
  var hidden: [Float]
  /// `[vocabularySize, width]`
  var head: [Float]
  var targets: HeadTargets

  init(
    vocabularySize: Int = 67, width: Int = 12, rows: Int = 9, candidateCount: Int = 5, seed: UInt64
  ) {
    self.vocabularySize = vocabularySize
    self.width = width
    var random = SplitMix64(seed: seed)
    func number(_ scale: Float) -> Float { Float.random(in: -scale...scale, using: &random) }
    hidden = (0..<(2 * rows * width)).map { _ in number(1.5) }
    head = (0..<(vocabularySize * width)).map { _ in number(1.2) }
    targets = HeadTargets(candidateCount: candidateCount)
    for row in 0..<rows {
      var ids = Array(0..<Int32(vocabularySize))
      random.shuffle(&ids)
      let scores = (0...candidateCount).map { _ in Double(number(2)) }
      let sum = log(scores.reduce(0) { $0 + exp($1) })
      targets.append(
        position: 2 * row + 1,
        // Every third target is among the candidates.
        token: row % 3 == 0 ? ids[0] : Int32.random(in: 0..<Int32(vocabularySize), using: &random),
        isStruct: row % 2 == 0,
        signal: (
          TeacherSignal(
            candidateCount: candidateCount, ids: Array(ids.prefix(candidateCount)),
            logprobs: scores.dropLast().map { Float($0 - sum) },
            otherLogprobs: [Float(scores[candidateCount] - sum)]), 0
        ))
    }
  }

  // MARK: - Variations

  mutating func makeTeacherEqualStudent() {
    for row in 0..<targets.count {
      let logits = logits(row: row)
      let lse = log(logits.reduce(0) { $0 + exp($1) })
      var others = Set(logits.indices)
      for index in candidateIndices(row) {
        let id = Int(targets.candidateIDs[index])
        others.remove(id)
        targets.candidateLogprobs[index] = Float(logits[id] - lse)
      }
      targets.otherLogprobs[row] = Float(log(others.reduce(0) { $0 + exp(logits[$1] - lse) }))
    }
  }

  /// Each row gets another damage, none of which leaves a usable candidate.
  mutating func damageSignals() {
    for row in 0..<targets.count {
      for index in candidateIndices(row) {
        switch row % 4 {
        case 0: targets.candidateIDs[index] = -1
        case 1: targets.candidateLogprobs[index] = -9999
        case 2: targets.candidateLogprobs[index] = .nan
        default: targets.candidateIDs[index] = Int32(vocabularySize)
        }
      }
    }
  }

  mutating func makeTracesStrange(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for index in targets.candidateIDs.indices {
      switch Int.random(in: 0..<12, using: &random) {
      case 0: targets.candidateIDs[index] = -1
      case 1: targets.candidateLogprobs[index] = -9999
      case 2: targets.candidateLogprobs[index] = -.infinity
      case 3: targets.candidateLogprobs[index] = 0
      case 4: targets.candidateIDs[index] = targets.candidateIDs[0]
      case 5: targets.candidateLogprobs[index] = .nan
      case 6: targets.candidateIDs[index] = .max
      case 7: targets.candidateLogprobs[index] = -700
      default: break
      }
    }
    for row in targets.otherLogprobs.indices {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: targets.otherLogprobs[row] = -.infinity
      case 1: targets.otherLogprobs[row] = -9999
      case 2: targets.otherLogprobs[row] = 0
      case 3: targets.otherLogprobs[row] = .nan
      case 4: targets.otherLogprobs[row] = .infinity
      default: break
      }
    }
  }

  /// The first candidate's logit is `margin` above the largest of the rest.
  mutating func makeStudentSure(margin: Double) {
    // One position for all rows, so that one row of the head decides.
    let position = targets.positions[0]
    let id = Int(targets.candidateIDs[0])
    for row in 0..<targets.count {
      targets.positions[row] = position
      let first = candidateIndices(row).lowerBound
      for index in candidateIndices(row).dropFirst() where targets.candidateIDs[index] == id {
        targets.candidateIDs[index] = -1
      }
      targets.candidateIDs[first] = Int32(id)
    }
    let state = hidden[(Int(position) * width)..<((Int(position) + 1) * width)]
    let square = state.reduce(0) { $0 + Double($1) * Double($1) }
    let logits = logits(row: 0)
    let largest = logits.enumerated().filter { $0.offset != id }.map(\.element).max() ?? 0
    let missing = Float((largest + margin - logits[id]) / square)
    for (column, value) in state.enumerated() { head[id * width + column] += missing * value }
  }

  mutating func makeHeadIdentity() {
    for index in head.indices { head[index] = index / width == index % width ? 1 : 0 }
  }

  // MARK: - What is measured

  struct Gradient {
    var sums: HeadLossSums
    var hidden: [Float]
    var head: [Float]

    var isFinite: Bool { hidden.allSatisfy(\.isFinite) && head.allSatisfy(\.isFinite) }
    var isZero: Bool { hidden.allSatisfy { $0 == 0 } && head.allSatisfy { $0 == 0 } }
  }

  func loss(_ weights: LossWeights, instructionSet: InstructionSet = .active) -> HeadLossSums {
    makeLoss(weights, instructionSet: instructionSet)(
      hidden: hidden, head: head, targets: targets)
  }

  func gradient(
    _ weights: LossWeights, threads: Int = 1, maximumRows: Int? = nil,
    instructionSet: InstructionSet = .active, writing: GradientWriting = .add
  ) -> Gradient {
    var hiddenGradient = [Float](repeating: .nan, count: hidden.count)
    var headGradient = [Float](repeating: writing == .set ? .nan : 0, count: head.count)
    let loss = makeLoss(
      weights, threads: threads, maximumRows: maximumRows, instructionSet: instructionSet)
    let sums = hiddenGradient.withUnsafeMutableBufferPointer { hiddenGradient in
      headGradient.withUnsafeMutableBufferPointer { headGradient in
        loss(
          hidden: hidden, head: head, targets: targets,
          gradient: HeadLoss.Gradient(
            hidden: hiddenGradient, head: headGradient.baseAddress, targets: targets.count,
            structuralTargets: targets.structuralCount, writing: writing))
      }
    }
    return Gradient(sums: sums, hidden: hiddenGradient, head: headGradient)
  }

  func makeLoss(
    _ weights: LossWeights, threads: Int = 1, maximumRows: Int? = nil,
    instructionSet: InstructionSet = .active
  ) -> HeadLoss {
    HeadLoss(
      vocabularySize: vocabularySize, width: width, maximumRows: maximumRows ?? targets.count,
      weights: weights, precision: .fp32, team: ComputeTeam(threadCount: threads),
      instructionSet: instructionSet)
  }

  func referenceSums(_ weights: LossWeights) -> HeadLossSums {
    var sums = HeadLossSums()
    for row in 0..<targets.count { add(row, weights, to: &sums) }
    return sums
  }

  /// The derivative of the reference's total loss by one number.
  mutating func centralDifference(_ weights: LossWeights, element: Int, inHead: Bool) -> Double {
    let step: Float = 1.0 / 1024
    let saved = inHead ? head[element] : hidden[element]
    func set(_ value: Float, _ problem: inout HeadProblem) {
      if inHead { problem.head[element] = value } else { problem.hidden[element] = value }
    }
    set(saved + step, &self)
    let (high, above) = (referenceSums(weights).total(weights), saved + step)
    set(saved - step, &self)
    let (low, below) = (referenceSums(weights).total(weights), saved - step)
    set(saved, &self)
    return (high - low) / (Double(above) - Double(below))
  }

  private func add(_ row: Int, _ weights: LossWeights, to sums: inout HeadLossSums) {
    let candidates = candidateIndices(row).filter { targets.candidateIDs[$0] >= 0 }
    let terms = ReferenceHeadLoss(weights: weights).row(
      logits: logits(row: row), target: Int(targets.tokens[row]),
      candidates: candidates.map {
        (Int(targets.candidateIDs[$0]), Double(targets.candidateLogprobs[$0]))
      },
      other: Double(targets.otherLogprobs[row]))
    sums.targets += 1
    sums.ce += terms.ce
    sums.kd += terms.kd
    guard targets.isStruct[row] else { return }
    sums.structuralTargets += 1
    sums.format += terms.ce
  }

  private func candidateIndices(_ row: Int) -> Range<Int> {
    (row * targets.candidateCount)..<((row + 1) * targets.candidateCount)
  }

  private func logits(row: Int) -> [Double] {
    let position = Int(targets.positions[row])
    return (0..<vocabularySize).map { token in
      (0..<width).reduce(0) {
        $0 + Double(hidden[position * width + $1]) * Double(head[token * width + $1])
      }
    }
  }
}
