import Kernels
import TestSupport
import Testing

struct DenseWeightsTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: InstructionSet.available, DenseWeights.Storage.allCases)
  func `few and many tokens give the product in fp32`(
    set: InstructionSet, storage: DenseWeights.Storage
  ) {
    var random = SplitMix64(seed: 51)
    let shapes = (1...40).map { (3, 9, $0) } + (1...20).map { ($0, 70, 33) } + [(30, 5, 600)]
    for (m, rows, columns) in shapes {
      let x = random.floats(m * columns)
      let w = random.floats(rows * columns)
      let weights = DenseWeights(w, rows: rows, columns: columns, storage: storage)
      var stored = [Float](repeating: 0, count: rows * columns)
      for row in 0..<rows {
        stored.withUnsafeMutableBufferPointer {
          weights.copyRow(row, into: $0.baseAddress! + row * columns)
        }
      }
      // bf16 keeps 8 bits.
      let rounding: Float = storage == .bf16 ? 0x1p-8 : 0
      #expect(zip(stored, w).allSatisfy { abs($0 - $1) <= rounding * abs($1) })
      var y = [Float](repeating: .nan, count: m * rows)
      weights.product(x, into: &y, m: m, team: team, instructionSet: set)
      for i in 0..<m {
        for row in 0..<rows {
          let sum = (0..<columns).reduce(0.0) {
            $0 + Double(x[i * columns + $1]) * Double(stored[row * columns + $1])
          }
          // columns roundings of a sum below columns.
          let bound = Double(columns * columns + 1) * Double(Float.ulpOfOne) / 2
          #expect(abs(Double(y[i * rows + row]) - sum) <= bound, "\((m, rows, columns))")
        }
      }
    }
  }
}
