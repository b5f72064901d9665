import Foundation
import Kernels
import TestSupport
import Testing

struct VectorTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: InstructionSet.available)
  func `sums are right and have the same bits everywhere`(set: InstructionSet) {
    var random = SplitMix64(seed: 31)
    for count in Array(0...40) + [16384, 50001] {
      let x = random.floats(count)
      let squares = squaredNorm(x, count: count, team: team, instructionSet: set)
      let expected = x.reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(squares - expected) <= 1e-12 * (1 + expected))
      let alone = ComputeTeam(threadCount: 1)
      #expect(squares == squaredNorm(x, count: count, team: alone, instructionSet: .scalar))
      #expect(
        sumOfMagnitudes(x, count: count, team: team, instructionSet: set)
          == sumOfMagnitudes(x, count: count, team: alone, instructionSet: .scalar))
    }
  }

  @Test(arguments: InstructionSet.available)
  func `what rounding to trits leaves over has the same bits everywhere`(set: InstructionSet) {
    var random = SplitMix64(seed: 33)
    for count in [0, 1, 15, 16, 17, 16385, 40001] {
      // Ties too: half of the scale rounds to 0.
      let x = random.floats(count).map { ($0 * 8).rounded() / 8 }
      for scale in [0.25, 1] as [Float] {
        let expected = x.reduce(0.0) { sum, weight in
          let trit = min(1, max(-1, (weight / scale).rounded(.toNearestOrEven)))
          return sum + pow(Double(weight) - Double(scale * trit), 2)
        }
        let error = squaredRoundingError(
          x, scale: scale, count: count, team: team, instructionSet: set)
        #expect(abs(error - expected) <= 1e-12 * (1 + expected))
        #expect(
          error
            == squaredRoundingError(
              x, scale: scale, count: count, team: ComputeTeam(threadCount: 1),
              instructionSet: .scalar))
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `AdamW follows its formula`(set: InstructionSet) {
    var random = SplitMix64(seed: 32)
    for count in [1, 15, 16, 17, 1000, 3001] {
      let gradients = random.floats(count)
      let start = random.floats(count)
      var weights = start
      var first = [Float](repeating: 0, count: count)
      var second = first
      for number in 1...3 {
        adamW(
          weights: &weights, gradients: gradients, firstMoments: &first, secondMoments: &second,
          count: count,
          step: AdamWStep(learningRate: 0.01, number: number, gradientScale: 0.5), team: team,
          instructionSet: set)
      }
      for index in 0..<count {
        var (w, m, v) = (Double(start[index]), 0.0, 0.0)
        let g = Double(gradients[index]) * 0.5
        for number in 1...3 {
          m = 0.9 * m + 0.1 * g
          v = 0.95 * v + 0.05 * g * g
          let (mHat, vHat) = (
            m / (1 - pow(0.9, Double(number))), v / (1 - pow(0.95, Double(number)))
          )
          w = w * (1 - 0.01 * 0.1) - 0.01 * mHat / (vHat.squareRoot() + 1e-8)
        }
        // Three steps of length 0.01 whose direction carries a few roundings.
        #expect(abs(Double(weights[index]) - w) <= 1e-6)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `AdamW that also sums magnitudes gives the same weights and their sum`(
    set: InstructionSet
  ) {
    var random = SplitMix64(seed: 33)
    for count in [1, 33, 16_384, 40_001] {
      let gradients = random.floats(count)
      let step = AdamWStep(learningRate: 0.01, number: 2)
      var (weights, first, second) = (random.floats(count), random.floats(count), gradients)
      for index in 0..<count { second[index] *= second[index] }
      var (otherWeights, otherFirst, otherSecond) = (weights, first, second)
      adamW(
        weights: &weights, gradients: gradients, firstMoments: &first, secondMoments: &second,
        count: count, step: step, team: team, instructionSet: set)
      let sum = adamWWithMagnitudes(
        weights: &otherWeights, gradients: gradients, firstMoments: &otherFirst,
        secondMoments: &otherSecond, count: count, step: step, team: team, instructionSet: set)
      #expect(otherWeights == weights)
      #expect(otherFirst == first)
      #expect(otherSecond == second)
      #expect(sum == sumOfMagnitudes(weights, count: count, team: team, instructionSet: set))
    }
  }

  @Test(arguments: InstructionSet.available)
  func `squares of pieces add up to the bits of the whole`(set: InstructionSet) {
    var random = SplitMix64(seed: 34)
    let count = 3 * squaredNormGrain + 77
    let values = random.floats(count)
    var sum = 0.0
    values.withUnsafeBufferPointer { values in
      for first in stride(from: 0, to: count, by: squaredNormGrain) {
        sum = squaredNorm(
          values.baseAddress! + first, count: min(squaredNormGrain, count - first), after: sum,
          team: team, instructionSet: set)
      }
    }
    #expect(sum == squaredNorm(values, count: count, team: team, instructionSet: set))
  }

  @Test func `normal numbers do not depend on the split and have the asked deviation`() {
    let count = 20000
    var (a, b) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    fillNormal(&a, count: count, deviation: 0.02, seed: 7, team: ComputeTeam(threadCount: 1))
    fillNormal(&b, count: count, deviation: 0.02, seed: 7, team: ComputeTeam(threadCount: 3))
    #expect(a == b)
    let mean = a.reduce(0.0) { $0 + Double($1) } / Double(count)
    let variance = a.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(count)
    // Five standard errors of mean and deviation.
    #expect(abs(mean) < 5 * 0.02 / Double(count).squareRoot())
    #expect(abs(variance.squareRoot() - 0.02) < 5 * 0.02 / Double(2 * count).squareRoot())
  }
}
