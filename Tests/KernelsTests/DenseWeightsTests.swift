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
      // bf16 keeps 8 bits of a weight; int8 half a 127th of the row's largest, which is below 1;
      // int4 at worst a 5th of the block's largest, where it clips.
      let (relative, absolute): (Float, Float) =
        switch storage {
        case .fp32: (0, 0)
        case .bf16: (0x1p-8, 0)
        case .int8: (0, 0.501 / 127)
        case .int4: (0, 0.2)
        }
      #expect(zip(stored, w).allSatisfy { abs($0 - $1) <= relative * abs($1) + absolute })
      var y = [Float](repeating: .nan, count: m * rows)
      weights.product(x, into: &y, m: m, team: team, instructionSet: set)
      for i in 0..<m {
        for row in 0..<rows {
          let sum = (0..<columns).reduce(0.0) {
            $0 + Double(x[i * columns + $1]) * Double(stored[row * columns + $1])
          }
          // columns roundings of a sum below columns; integers round the activations to 16 bits.
          let activations = storage == .int8 || storage == .int4 ? Double(columns) / 65_000 : 0
          let bound = Double(columns * columns + 1) * Double(Float.ulpOfOne) / 2 + activations
          #expect(abs(Double(y[i * rows + row]) - sum) <= bound, "\((m, rows, columns))")
        }
      }
    }
  }
  @Test(arguments: [DenseWeights.Storage.int8, .int4])
  func `integer products are the same on every instruction set`(storage: DenseWeights.Storage) {
    var random = SplitMix64(seed: 52)
    let (m, rows, columns) = (5, 100, 200)
    let x = random.floats(m * columns)
    let w = random.floats(rows * columns)
    let weights = DenseWeights(w, rows: rows, columns: columns, storage: storage)
    let products = InstructionSet.available.map { set in
      var y = [Float](repeating: .nan, count: m * rows)
      weights.product(x, into: &y, m: m, team: team, instructionSet: set)
      return y
    }
    for product in products {
      // int8 sums everything in integers; int4 sums blocks in fp32, values below 20.
      let worst = zip(product, products[0]).map { abs($0 - $1) }.max() ?? 0
      #expect(worst <= (storage == .int8 ? 0 : 20 * Float.ulpOfOne * 7))
    }
  }

  @Test(arguments: [DenseWeights.Storage.int8, .int4])
  func `a token that is not finite spoils its own row only`(storage: DenseWeights.Storage) {
    var random = SplitMix64(seed: 53)
    var x = random.floats(3 * 40)
    x[41] = .nan
    let weights = DenseWeights(random.floats(70 * 40), rows: 70, columns: 40, storage: storage)
    var y = [Float](repeating: 0, count: 3 * 70)
    weights.product(x, into: &y, m: 3, team: team)
    let notNumbers = y.indices.filter { y[$0].isNaN }
    #expect(notNumbers == Array(70..<140))
  }
}
