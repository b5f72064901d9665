import Foundation
import Kernels
import TestSupport
import Testing

struct TernaryTests {
  let team = ComputeTeam(threadCount: 2)

  /// A shape and its trits, scale and packed weights.
  private func weights(
    rows: Int, columns: Int, using random: inout SplitMix64, set: InstructionSet = .active
  ) -> (packed: TernaryWeights, trits: [Int8]) {
    let values = random.floats(rows * columns)
    let packed = TernaryWeights(rows: rows, columns: columns)
    packed.quantize(from: values, team: team, instructionSet: set)
    var trits = [Int8](repeating: 9, count: rows * columns)
    packed.copyTrits(into: &trits)
    return (packed, trits)
  }

  @Test(arguments: InstructionSet.available)
  func `weights become trits times their mean magnitude`(set: InstructionSet) {
    var random = SplitMix64(seed: 21)
    for (rows, columns) in [(1, 1), (3, 5), (64, 64), (65, 67), (130, 200)] {
      let values = random.floats(rows * columns)
      let packed = TernaryWeights(rows: rows, columns: columns)
      packed.quantize(from: values, team: team, instructionSet: set)
      let mean = values.reduce(0.0) { $0 + abs(Double($1)) } / Double(values.count)
      #expect(abs(Double(packed.scale) - mean) <= mean * Double(Float.ulpOfOne))
      var trits = [Int8](repeating: 9, count: rows * columns)
      packed.copyTrits(into: &trits)
      let expected = values.map { value in
        Int8(max(-1, min(1, value / packed.scale)).rounded(.toNearestOrEven))
      }
      #expect(trits == expected, "[\(rows), \(columns)]")
    }
  }

  @Test func `a weight half way to a threshold rounds to even`() {
    // Mean magnitude 1; ±0.5 rounds to 0, ±1.5 is clipped to ±1.
    let packed = TernaryWeights(rows: 1, columns: 4)
    packed.quantize(from: [0.5, -0.5, 1.5, -1.5], team: team)
    var trits = [Int8](repeating: 9, count: 4)
    packed.copyTrits(into: &trits)
    #expect(packed.scale == 1)
    #expect(trits == [0, 0, 1, -1])
  }

  @Test(arguments: InstructionSet.available)
  func `the integer product is exact for every tail`(set: InstructionSet) {
    var random = SplitMix64(seed: 22)
    let shapes =
      (1...9).map { (1, 3, $0) } + (1...14).map { ($0, 65, 64) }
      + [(5, 64, 127), (13, 130, 100), (2, 200, 33), (25, 1, 4)]
    for (m, rows, columns) in shapes {
      let (packed, trits) = weights(rows: rows, columns: columns, using: &random, set: set)
      let codes = random.codes(m * columns)
      let scales = (0..<m).map { Float($0 + 1) * 13.7 }
      var y = [Float](repeating: .nan, count: m * rows)
      ternaryProduct(
        codes: codes, scales: scales, weights: packed, into: &y, m: m, team: team,
        instructionSet: set)
      for i in 0..<m {
        for row in 0..<rows {
          let sum = (0..<columns).reduce(0) {
            $0 + Int(codes[i * columns + $1]) * Int(trits[row * columns + $1])
          }
          let expected = Float(sum) * (packed.scale / scales[i])
          #expect(y[i * rows + row] == expected, "m \(m), rows \(rows), columns \(columns)")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `codes at their bounds do not overflow`(set: InstructionSet) {
    let columns = 4096
    let packed = TernaryWeights(rows: 2, columns: columns)
    packed.quantize(
      from: (0..<2 * columns).map { $0 < columns ? 1 : -1 }, team: team, instructionSet: set)
    var y: [Float] = [0, 0]
    ternaryProduct(
      codes: [Int8](repeating: -128, count: columns), scales: [1], weights: packed, into: &y,
      m: 1, team: team, instructionSet: set)
    #expect(y == [-128 * 4096, 128 * 4096])
  }

  @Test(arguments: InstructionSet.available, [ProductPrecision.fp32, .bf16, .int16])
  func `gradients equal the products with the dequantized operands`(
    set: InstructionSet, precision: ProductPrecision
  ) {
    var random = SplitMix64(seed: 23)
    for (m, rows, columns) in [(1, 1, 1), (19, 70, 45), (7, 65, 66), (33, 3, 131), (2, 1100, 5)] {
      let (packed, trits) = weights(rows: rows, columns: columns, using: &random)
      let codes = random.codes(m * columns)
      let scales = (0..<m).map { Float($0 + 1) * 40 }
      let dy = random.floats(m * rows)
      let startX = random.floats(m * columns)
      let startW = random.floats(rows * columns)
      var (dx, dw) = (startX, startW)
      ternaryInputGradient(
        dy, weights: packed, into: &dx, m: m, accumulate: true, precision: precision, team: team,
        instructionSet: set)
      ternaryWeightGradient(
        dy, codes: codes, scales: scales, into: &dw, m: m, out: rows, in: columns,
        precision: precision, team: team, instructionSet: set)
      // bf16 keeps 8 bits: rounding dy is off by at most 2^-9 of it; int16 by at most 2^-15 of the
      // row's largest, here 1. Nothing else is rounded.
      let rounding =
        switch precision {
        case .fp32: 0.0
        case .bf16: 0x1p-8
        case .int16: 0x1p-14
        }
      for i in 0..<m {
        for column in 0..<columns {
          var sum = Double(startX[i * columns + column])
          for row in 0..<rows {
            sum +=
              Double(dy[i * rows + row]) * Double(packed.scale)
              * Double(trits[row * columns + column])
          }
          // rows + 2 roundings of a sum below rows.
          let bound = Double(rows) * (Double(rows + 2) * Double(Float.ulpOfOne) + rounding)
          #expect(abs(Double(dx[i * columns + column]) - sum) <= bound)
        }
      }
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = Double(startW[row * columns + column])
          for i in 0..<m {
            sum +=
              Double(dy[i * rows + row]) * Double(codes[i * columns + column]) / Double(scales[i])
          }
          // m + 3 roundings of a sum below 128 / 40 per token.
          let bound = 3.2 * Double(m) * (Double(m + 3) * Double(Float.ulpOfOne) + rounding)
          #expect(abs(Double(dw[row * columns + column]) - sum) <= bound)
        }
      }
    }
  }

  /// Both gradients of one layer in integers; by default of what `random` gives.
  private func integerGradients(
    of dy: [Float], m: Int, rows: Int, columns: Int, set: InstructionSet, threads: Int,
    using random: inout SplitMix64
  ) -> (dx: [Float], dw: [Float]) {
    let (packed, _) = weights(rows: rows, columns: columns, using: &random)
    let codes = random.codes(m * columns)
    let scales = (0..<m).map { Float($0 % 9 + 1) * 17 }
    var dx = random.floats(m * columns)
    var dw = [Float](repeating: .nan, count: rows * columns)
    let team = ComputeTeam(threadCount: threads)
    ternaryInputGradient(
      dy, weights: packed, into: &dx, m: m, accumulate: true, precision: .int16, team: team,
      instructionSet: set)
    ternaryWeightGradient(
      dy, codes: codes, scales: scales, into: &dw, m: m, out: rows, in: columns,
      accumulate: false, precision: .int16, team: team, instructionSet: set)
    return (dx, dw)
  }

  /// Every tail of tiles, panels, words and blocks, rows that are zero, and magnitudes that differ by
  /// many powers of two, on any number of threads.
  @Test func `gradients in integers have the same bits on every instruction set`() {
    for (m, rows, columns) in [
      (1, 1, 1), (5, 17, 33), (19, 70, 45), (97, 65, 66), (33, 3, 131), (2, 1100, 5), (1030, 7, 9),
      (130, 200, 70),
    ] {
      var random = SplitMix64(seed: UInt64(m))
      let dy = random.floats(m * rows).enumerated().map { index, value in
        index / rows % 7 == 3 || index % 13 == 5 ? 0 : value * exp2(value * 40)
      }
      let start = random
      let results = InstructionSet.available.flatMap { set in
        [1, 3].map { threads in
          var random = start
          return integerGradients(
            of: dy, m: m, rows: rows, columns: columns, set: set, threads: threads, using: &random)
        }
      }
      for result in results {
        #expect(result.dx == results[0].dx, "\((m, rows, columns))")
        #expect(result.dw == results[0].dw, "\((m, rows, columns))")
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `what is not finite reaches its own rows of a gradient in integers, and no other`(
    set: InstructionSet
  ) {
    let (m, rows, columns) = (9, 70, 20)
    for value in [Float.nan, .infinity, -.infinity] {
      var random = SplitMix64(seed: 31)
      var dy = random.floats(m * rows)
      dy[4 * rows + 65] = value
      let (dx, dw) = integerGradients(
        of: dy, m: m, rows: rows, columns: columns, set: set, threads: 2, using: &random)
      for (index, value) in dx.enumerated() { #expect(value.isNaN == (index / columns == 4)) }
      for (index, value) in dw.enumerated() { #expect(value.isNaN == (index / columns == 65)) }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `a gradient that is written equals one that is added to zero`(set: InstructionSet) {
    var random = SplitMix64(seed: 24)
    for (m, rows, columns) in [(19, 70, 45), (1100, 7, 5)] {
      let codes = random.codes(m * columns)
      let scales = (0..<m).map { Float($0 + 1) * 40 }
      let dy = random.floats(m * rows)
      var added = [Float](repeating: 0, count: rows * columns)
      var written = [Float](repeating: .nan, count: rows * columns)
      ternaryWeightGradient(
        dy, codes: codes, scales: scales, into: &added, m: m, out: rows, in: columns,
        precision: .bf16, team: team, instructionSet: set)
      ternaryWeightGradient(
        dy, codes: codes, scales: scales, into: &written, m: m, out: rows, in: columns,
        accumulate: false, precision: .bf16, team: team, instructionSet: set)
      #expect(added == written)
    }
  }
}
