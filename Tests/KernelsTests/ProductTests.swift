import Kernels
import Testing

struct ProductTests {
  let team = ComputeTeam(threadCount: 2)

  @Test(arguments: [(1, 1, 1), (3, 5, 7), (17, 33, 65), (130, 70, 40), (7, 200, 96)])
  func `the three products agree with a sum in double`(m: Int, n: Int, k: Int) {
    var random = SplitMix64(seed: 11)
    let (x, w) = (random.floats(m * k), random.floats(n * k))
    let xT = transposed(x, rows: m, columns: k)
    let wT = transposed(w, rows: n, columns: k)
    let start = random.floats(m * n)
    var (nt, nn, tn) = (start, start, start)
    productNT(
      x, w, into: &nt, m: m, n: n, k: k, accumulate: true, precision: .fp32, team: team)
    productNN(
      x, wT, into: &nn, m: m, n: n, k: k, accumulate: true, precision: .fp32, team: team)
    productTN(
      xT, wT, into: &tn, m: m, n: n, k: k, accumulate: true, precision: .fp32, team: team)
    for i in 0..<m {
      for j in 0..<n {
        var sum = Double(start[i * n + j])
        var magnitude = abs(sum)
        for l in 0..<k {
          let term = Double(x[i * k + l]) * Double(w[j * k + l])
          sum += term
          magnitude += abs(term)
        }
        // k + 1 roundings of a sum bounded by the sum of magnitudes.
        let bound = Double(k + 1) * magnitude * Double(Float.ulpOfOne) / 2 + 1e-30
        for (name, y) in [("NT", nt), ("NN", nn), ("TN", tn)] {
          #expect(abs(Double(y[i * n + j]) - sum) <= bound, "\(name) [\(i), \(j)]")
        }
      }
    }
  }

  @Test func `the bits do not depend on the thread count`() {
    var random = SplitMix64(seed: 12)
    let (m, n, k) = (150, 90, 70)
    let (x, w) = (random.floats(m * k), random.floats(n * k))
    let results = [1, 2, 3].map { threadCount in
      var y = [Float](repeating: 0, count: m * n)
      productNT(
        x, w, into: &y, m: m, n: n, k: k, accumulate: false, precision: .fp32,
        team: ComputeTeam(threadCount: threadCount))
      return y
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  private func transposed(_ x: [Float], rows: Int, columns: Int) -> [Float] {
    (0..<columns).flatMap { column in (0..<rows).map { x[$0 * columns + column] } }
  }
}
