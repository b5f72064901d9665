import Foundation
import Kernels
import TestSupport
import Testing

struct ProductTests {
  let team = ComputeTeam(threadCount: 2)

  /// Every tail of rows (6), columns (16, 64), words and blocks of k (512, 1024), of the rows that are
  /// packed at once (96) and of the shared operand (1024).
  private static let shapes =
    (1...13).map { ($0, 5, 7) } + (1...18).map { (3, $0 * 4 - 1, 5) } + (1...35).map { (2, 17, $0) }
    + [(17, 33, 65), (130, 70, 40), (7, 200, 96), (49, 65, 1030), (970, 3, 3), (50, 130, 513)]
    + [(200, 7, 1030), (1100, 1030, 9), (1030, 1100, 9)]

  @Test(arguments: InstructionSet.available, [ProductPrecision.fp32, .bf16, .int16])
  func `the three products agree with a sum in double`(
    set: InstructionSet, precision: ProductPrecision
  ) {
    var random = SplitMix64(seed: 11)
    for (m, n, k) in Self.shapes {
      let (x, w) = (random.floats(m * k), random.floats(n * k))
      let xT = transposed(x, rows: m, columns: k)
      let wT = transposed(w, rows: n, columns: k)
      // Random numbers take their time in debug builds.
      let start =
        m * n > 20_000 ? [Float](repeating: 0.5, count: m * n) : random.floats(m * n)
      var (nt, nn, tn) = (start, start, start)
      productNT(
        x, w, into: &nt, m: m, n: n, k: k, accumulate: true, precision: precision, team: team,
        instructionSet: set)
      productNN(
        x, wT, into: &nn, m: m, n: n, k: k, accumulate: true, precision: precision, team: team,
        instructionSet: set)
      productTN(
        xT, wT, into: &tn, m: m, n: n, k: k, accumulate: true, precision: precision, team: team,
        instructionSet: set)
      let (left, right) = (x.map { rounded($0, precision) }, w.map { rounded($0, precision) })
      // All three sum the same products; checking one element in seven, or about 700 of them, keeps
      // debug builds quick. Odd, so that it visits all columns.
      let step = m * n > 20_000 ? m * n / 700 | 1 : m * n > 500 ? 7 : 1
      for index in stride(from: 0, to: m * n, by: step) {
        let (i, j) = (index / n, index % n)
        var sum = Double(start[index])
        var magnitude = abs(sum)
        var rounding = 0.0
        for l in 0..<k {
          let (a, b) = (Double(left[i * k + l]), Double(right[j * k + l]))
          sum += a * b
          magnitude += abs(a * b)
          // Half a step of the largest magnitude there can be, which is 1.
          if precision == .int16 { rounding += 0x1p-12 * (abs(a) + abs(b)) / 2 + 0x1p-26 }
        }
        // k + 4 roundings of a sum bounded by the sum of magnitudes.
        let bound = Double(k + 4) * magnitude * Double(Float.ulpOfOne) / 2 + rounding + 1e-30
        for (name, y) in [("NT", nt), ("NN", nn), ("TN", tn)] {
          #expect(abs(Double(y[index]) - sum) <= bound, "\(name) \((m, n, k)) [\(i), \(j)]")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `strides leave what lies between the rows alone`(set: InstructionSet) {
    var random = SplitMix64(seed: 13)
    let (m, n, k) = (7, 9, 5)
    let (x, w) = (random.floats(m * 11), random.floats(n * 13))
    var y = [Float](repeating: 42, count: m * 12)
    productNT(
      x, w, into: &y, m: m, n: n, k: k, xStride: 11, wStride: 13, yStride: 12, accumulate: false,
      precision: .fp32, team: team, instructionSet: set)
    for i in 0..<m {
      for j in 0..<12 {
        let sum = j < n ? (0..<k).reduce(0.0) { $0 + Double(x[i * 11 + $1] * w[j * 13 + $1]) } : 42
        #expect(abs(Double(y[i * 12 + j]) - sum) <= 1e-5)
      }
    }
  }

  /// With columns of zeros, and magnitudes that differ by many powers of two.
  @Test func `products in integers have the same bits on every instruction set`() {
    var random = SplitMix64(seed: 14)
    for (m, n, k) in [
      (1, 1, 1), (5, 17, 33), (13, 70, 127), (97, 66, 129), (7, 200, 260), (200, 7, 1030),
      (3, 5, 2100),
    ] {
      let x = random.floats(m * k).map { $0 * exp2($0 * 40) }
      let w = random.floats(n * k).enumerated().map { $0 / k % 5 == 3 ? 0 : $1 * exp2($1 * 30) }
      let (xT, wT) = (
        transposed(x, rows: m, columns: k), transposed(w, rows: n, columns: k)
      )
      let start = random.floats(m * n)
      let results = InstructionSet.available.flatMap { set in
        [1, 3].map { threads in
          let team = ComputeTeam(threadCount: threads)
          var (nt, nn, tn) = (start, start, start)
          productNT(
            x, w, into: &nt, m: m, n: n, k: k, accumulate: true, precision: .int16, team: team,
            instructionSet: set)
          productNN(
            x, wT, into: &nn, m: m, n: n, k: k, accumulate: true, precision: .int16, team: team,
            instructionSet: set)
          productTN(
            xT, wT, into: &tn, m: m, n: n, k: k, accumulate: true, precision: .int16, team: team,
            instructionSet: set)
          return [nt, nn, tn]
        }
      }
      // The three are one product, and rounded alike.
      for result in results.flatMap({ $0 }) { #expect(result == results[0][0], "\((m, n, k))") }
    }
  }

  @Test func `integers that are rounded without bias are the same everywhere, and in parts`() {
    var random = SplitMix64(seed: 15)
    for (m, n, k) in [(1, 1, 1), (13, 70, 127), (97, 66, 260), (200, 7, 1030)] {
      let (x, w) = (random.floats(m * k), random.floats(k * n))
      let xT = transposed(x, rows: m, columns: k)
      let parts = [0..<m / 3, m / 3..<m]
      let results = InstructionSet.available.flatMap { set in
        [1, 3].map { threads in
          let team = ComputeTeam(threadCount: threads)
          var nn = [Float](repeating: 0, count: m * n)
          var (tn, part) = (nn, nn)
          productNN(
            x, w, into: &nn, m: m, n: n, k: k, accumulate: false, precision: .int16,
            rounding: .unbiased(), team: team, instructionSet: set)
          productTN(
            xT, w, into: &tn, m: m, n: n, k: k, accumulate: false, precision: .int16,
            rounding: .unbiased(), team: team, instructionSet: set)
          for rows in parts where !rows.isEmpty {
            part.withUnsafeMutableBufferPointer { part in
              _ = productTN(
                Array(xT[rows.lowerBound...]), w, into: part.baseAddress! + rows.lowerBound * n,
                m: rows.count, n: n, k: k, xStride: m, accumulate: false, precision: .int16,
                rounding: .unbiased(firstRow: rows.lowerBound), team: team, instructionSet: set)
            }
          }
          return [nn, tn, part]
        }
      }
      for result in results.flatMap({ $0 }) { #expect(result == results[0][0], "\((m, n, k))") }
    }
  }

  /// Small numbers of one sign among large ones, as in a softmax' gradient, whose sum is asked for.
  @Test(arguments: InstructionSet.available)
  func `what is below half a step is lost to the nearest, and kept without bias`(
    set: InstructionSet
  ) {
    var random = SplitMix64(seed: 16)
    let (m, k) = (64, 1024)
    var (x, exact) = ([Float](repeating: 0, count: m * k), 0.0)
    for i in 0..<m {
      for j in 0..<k {
        // Half a step is 1/8190.
        let small = Float.random(in: 0..<1e-4, using: &random)
        let isLarge = j % 64 == 17
        x[i * k + j] = isLarge ? (j % 128 < 64 ? -1 : 1) : small
        exact += isLarge ? 0 : Double(small)
      }
    }
    func sum(_ rounding: ProductRounding) -> Double {
      var y = [Float](repeating: 0, count: m)
      productNN(
        x, [Float](repeating: 1, count: k), into: &y, m: m, n: 1, k: k, accumulate: false,
        precision: .int16, rounding: rounding, team: team, instructionSet: set)
      return y.reduce(0) { $0 + Double($1) }
    }
    #expect(abs(sum(.nearest)) < 0.01 * exact)
    #expect(abs(sum(.unbiased()) - exact) < 0.01 * exact)
  }

  @Test(arguments: InstructionSet.available, [ProductPrecision.fp32, .bf16, .int16])
  func `squares are summed while a product is written, the same for every thread count`(
    set: InstructionSet, precision: ProductPrecision
  ) {
    var random = SplitMix64(seed: 17)
    for (m, n, k) in [(1, 1, 1), (5, 130, 0), (13, 70, 127), (200, 7, 1030), (70, 1100, 40)] {
      let (x, w) = (random.floats(k * m), random.floats(k * n))
      let start = random.floats(m * n)
      let squares = [1, 2, 3].map { threads in
        var y = start
        var parts = [Double](repeating: .nan, count: squareSumCount(m: m, n: n))
        let square = productTN(
          x, w, into: &y, m: m, n: n, k: k, accumulate: true, precision: precision,
          squareSums: &parts, team: ComputeTeam(threadCount: threads), instructionSet: set)
        let exact = y.reduce(0.0) { $0 + Double($1) * Double($1) }
        #expect(abs((square ?? .nan) - exact) <= 0x1p-22 * exact, "\((m, n, k))")
        return square
      }
      #expect(squares == [squares[0], squares[0], squares[0]])
    }
    // Finite, though not in fp32.
    var (y, parts) = ([Float(0)], [Double](repeating: 0, count: squareSumCount(m: 1, n: 1)))
    let square = productTN(
      [Float(0x1p100)], [Float(1)], into: &y, m: 1, n: 1, k: 1, accumulate: false,
      precision: precision, squareSums: &parts, team: team, instructionSet: set)
    #expect(y[0] > 0x1p99 && square == Double(y[0]) * Double(y[0]))
  }

  /// Rows of Gaussian numbers, with one number in twenty 30 times as large in the second case.
  @Test(arguments: InstructionSet.available, [Float(1), 30])
  func `integers are no coarser than bf16`(set: InstructionSet, outlier: Float) {
    let (m, n, k) = (16, 24, 1024)
    func numbers(_ count: Int, seed: UInt64) -> [Float] {
      var values = [Float](repeating: 0, count: count)
      fillNormal(&values, count: count, deviation: 1, seed: seed, team: team)
      return values.enumerated().map { $0 % 20 == 7 ? $1 * outlier : $1 }
    }
    let (x, w) = (numbers(m * k, seed: 1), numbers(n * k, seed: 2))
    func error(_ precision: ProductPrecision) -> Double {
      var y = [Float](repeating: 0, count: m * n)
      productNT(
        x, w, into: &y, m: m, n: n, k: k, accumulate: false, precision: precision, team: team,
        instructionSet: set)
      return (0..<m * n).reduce(0) { sum, index in
        let (i, j) = (index / n, index % n)
        let exact = (0..<k).reduce(0.0) { $0 + Double(x[i * k + $1]) * Double(w[j * k + $1]) }
        return sum + (Double(y[index]) - exact) * (Double(y[index]) - exact)
      }
    }
    #expect(error(.int16) < error(.bf16))
  }

  @Test(arguments: InstructionSet.available, [ProductPrecision.fp32, .bf16, .int16])
  func `the bits do not depend on the thread count`(
    set: InstructionSet, precision: ProductPrecision
  ) {
    var random = SplitMix64(seed: 12)
    for (m, n, k) in [(150, 90, 70), (20, 300, 1100), (1100, 1030, 30), (300, 20, 2100)] {
      let (x, w) = (random.floats(m * k), random.floats(n * k))
      let results = [1, 2, 3].map { threadCount in
        var y = [Float](repeating: 0, count: m * n)
        productNT(
          x, w, into: &y, m: m, n: n, k: k, accumulate: false, precision: precision,
          team: ComputeTeam(threadCount: threadCount), instructionSet: set)
        return y
      }
      #expect(results[0] == results[1])
      #expect(results[0] == results[2])
    }
  }

  /// What a value is once it has entered a product: the upper 16 bits, ties to even.
  private func rounded(_ value: Float, _ precision: ProductPrecision) -> Float {
    guard precision == .bf16 else { return value }
    let bits = value.bitPattern
    return Float(bitPattern: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) & 0xFFFF_0000)
  }

  private func transposed(_ x: [Float], rows: Int, columns: Int) -> [Float] {
    (0..<columns).flatMap { column in (0..<rows).map { x[$0 * columns + column] } }
  }
}
