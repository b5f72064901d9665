import Kernels
import TestSupport
import Testing

struct PackedTernaryTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: InstructionSet.available)
  func `packed trits give the same sums as bytes for every tail`(set: InstructionSet) {
    var random = SplitMix64(seed: 41)
    let shapes =
      (1...9).map { (1, 3, $0) } + (1...20).map { ($0, 81, 64) } + (1...7).map { ($0, 70, 37) }
      + (1...17).map { (2, 72 + $0, 260) }
      + [(200, 130, 20), (24, 64, 127), (13, 130, 100), (1, 200, 33), (25, 1, 4)]
      // Rows that are unpacked in several pieces, with and without a rest.
      + (4...11).map { ($0, 81, 1000 + $0) } + [(6, 170, 256), (6, 170, 257), (9, 80, 513)]
    for (m, rows, columns) in shapes {
      let trained = TernaryWeights(rows: rows, columns: columns)
      trained.quantize(from: random.floats(rows * columns), team: team)
      let packed = PackedTernary(trained)
      let codes = random.codes(m * columns)
      let scales = (0..<m).map { Float($0 + 1) * 13.7 }
      var expected = [Float](repeating: 0, count: m * rows)
      var y = [Float](repeating: .nan, count: m * rows)
      ternaryProduct(
        codes: codes, scales: scales, weights: trained, into: &expected, m: m, team: team,
        instructionSet: .scalar)
      packed.product(
        codes: codes, scales: scales, into: &y, m: m, team: team, instructionSet: set)
      #expect(y == expected, "m \(m), rows \(rows), columns \(columns)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func `the longest row with the largest codes does not overflow`(set: InstructionSet) {
    let (rows, columns) = (80, 1 << 17 - 1)
    let trained = TernaryWeights(rows: rows, columns: columns)
    trained.quantize(
      from: [Float](repeating: 1, count: rows / 2 * columns)
        + [Float](repeating: -1, count: rows / 2 * columns), team: team)
    let packed = PackedTernary(trained)
    // Few tokens are unpacked in another way than many.
    for m in [1, 5] {
      var y = [Float](repeating: 0, count: m * rows)
      packed.product(
        codes: [Int8](repeating: -128, count: m * columns), scales: (0..<m).map { _ in 1 },
        into: &y, m: m, team: team, instructionSet: set)
      let half = [Float](repeating: Float(columns) * 128, count: rows / 2)
      #expect(y == (0..<m).flatMap { _ in half.map(-) + half })
    }
  }

  @Test func `packing keeps the trits and takes five a byte`() {
    var random = SplitMix64(seed: 42)
    for (rows, columns) in [(1, 1), (64, 4), (65, 67), (80, 9), (81, 5), (130, 200)] {
      let trained = TernaryWeights(rows: rows, columns: columns)
      trained.quantize(from: random.floats(rows * columns), team: team)
      let packed = PackedTernary(trained)
      var (a, b) = ([Int8](repeating: 9, count: rows * columns), [Int8]())
      b = a
      trained.copyTrits(into: &a)
      packed.copyTrits(into: &b)
      #expect(a == b)
      #expect(packed.byteCount == PackedTernary.byteCount(rows: rows, columns: columns))
    }
    #expect(PackedTernary.byteCount(rows: 2560, columns: 6912) == 2560 * 6912 / 5)
  }

  @Test func `random trits are trits, the same for every thread count`() {
    let (rows, columns) = (128, 1000)
    let copies = [1, 3].map { threadCount in
      let packed = PackedTernary(
        randomRows: rows, columns: columns, scale: 0.1, seed: 5,
        team: ComputeTeam(threadCount: threadCount))
      var trits = [Int8](repeating: 9, count: rows * columns)
      packed.copyTrits(into: &trits)
      return trits
    }
    #expect(copies[0] == copies[1])
    let share = { (trit: Int8) in
      Double(copies[0].count { $0 == trit }) / Double(rows * columns)
    }
    // Five standard errors of a third of 128,000.
    for trit: Int8 in [-1, 0, 1] { #expect(abs(share(trit) - 1 / 3.0) < 0.0066 + 1 / 256.0) }
  }
}
