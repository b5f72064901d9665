import Foundation
import Kernels
import TestSupport
import Testing

struct QuantizerTests {
  let team = ComputeTeam(threadCount: 2)

  /// The rule of RECIPE §2, written out in the order that the kernels promise.
  private func expected(_ x: [Float], bits: ActivationBits) -> (codes: [Int8], scale: Float) {
    let scale: Float
    switch bits {
    case .eight:
      scale = 127 / max(x.map(abs).max() ?? 0, 1e-5)
    case .four:
      var lanes = [Float](repeating: 0, count: 16)
      for (index, value) in x.enumerated() { lanes[index % 16] += abs(value) }
      scale = Float(7.0.squareRoot()) / max(lanes.reduce(0, +) / Float(x.count), 1e-5)
    }
    let range: ClosedRange<Float> = bits == .eight ? -128...127 : -8...7
    let codes = x.map { value in
      Int8(
        min(max(value * scale, range.lowerBound), range.upperBound).rounded(.toNearestOrEven))
    }
    return (codes, scale)
  }

  @Test(arguments: InstructionSet.available, ActivationBits.allCases)
  func `codes and scales follow the rule for every tail length`(
    set: InstructionSet, bits: ActivationBits
  ) {
    var random = SplitMix64(seed: 3)
    for columns in Array(1...70) + [128, 257] {
      let x = random.floats(3 * columns)
      var codes = [Int8](repeating: 99, count: 3 * columns)
      var scales = [Float](repeating: 0, count: 3)
      quantizeActivations(
        x, rows: 3, columns: columns, bits: bits, codes: &codes, scales: &scales, team: team,
        instructionSet: set)
      for row in 0..<3 {
        let part = row * columns..<(row + 1) * columns
        let (expectedCodes, expectedScale) = expected(Array(x[part]), bits: bits)
        #expect(scales[row] == expectedScale, "columns \(columns)")
        #expect(Array(codes[part]) == expectedCodes, "columns \(columns)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `ties round to even, zeros stay zero`(set: InstructionSet) {
    // The largest value, 127, makes the scale 1.
    let x: [Float] = [127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0]
    var codes = [Int8](repeating: 9, count: 16)
    var scales = [Float](repeating: 0, count: 2)
    quantizeActivations(
      x + [Float](repeating: 0, count: 8), rows: 2, columns: 8, bits: .eight, codes: &codes,
      scales: &scales, team: team, instructionSet: set)
    #expect(codes == [127, 0, 2, 2, 0, -2, -2, 0] + [Int8](repeating: 0, count: 8))
    #expect(scales == [1, 127 / 1e-5])
  }

  @Test(arguments: InstructionSet.available, ActivationBits.allCases)
  func `a row that is not finite is seen in its scale`(set: InstructionSet, bits: ActivationBits) {
    for bad in [Float.nan, .infinity] {
      for place in [0, 5, 20] {
        var x = [Float](repeating: 0.5, count: 21)
        x[place] = bad
        var codes = [Int8](repeating: 0, count: 21)
        var scale: Float = 0
        quantizeActivations(
          x, rows: 1, columns: 21, bits: bits, codes: &codes, scales: &scale, team: team,
          instructionSet: set)
        #expect(!(scale > 0), "\(bad) at \(place) gave the scale \(scale)")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `the Hadamard transform equals its matrix and undoes itself`(set: InstructionSet) {
    var random = SplitMix64(seed: 5)
    for columns in [1, 2, 3, 8, 12, 16, 32, 48, 64, 128, 256, 512, 1536] {
      let x = random.floats(2 * columns)
      var y = x
      hadamardRows(&y, rows: 2, columns: columns, team: team, instructionSet: set)
      var plain = x
      hadamardRows(
        &plain, rows: 2, columns: columns, team: team, instructionSet: .scalar)
      #expect(y == plain, "the bits do not depend on the instruction set")
      let block = hadamardBlock(columns: columns)
      for index in 0..<x.count {
        let start = index / block * block
        var sum = 0.0
        for other in 0..<block {
          let sign = ((index - start) & other).nonzeroBitCount % 2 == 0 ? 1.0 : -1.0
          sum += sign * Double(x[start + other])
        }
        // log2(block) + 1 roundings of values below sqrt(block).
        let bound = Double(Float.ulpOfOne) * Double(block).squareRoot() * 10
        #expect(abs(Double(y[index]) - sum / Double(block).squareRoot()) <= bound)
      }
      hadamardRows(&y, rows: 2, columns: columns, team: team, instructionSet: set)
      for (back, value) in zip(y, x) { #expect(abs(back - value) <= 1e-5) }
    }
  }
}
