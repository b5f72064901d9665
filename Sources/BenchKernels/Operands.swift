import Kernels

/// Memory for the operands of any product of a shape, filled once.
final class Operands {
  private let left: AlignedBuffer<Float>
  private let right: AlignedBuffer<Float>
  private let result: AlignedBuffer<Float>
  private let codes: AlignedBuffer<Int8>
  private let scales: AlignedBuffer<Float>
  private let team: ComputeTeam

  init(for cases: [ProductCase], team: ComputeTeam) {
    self.team = team
    func largest(_ size: (ProductCase) -> Int) -> Int { cases.map(size).max() ?? 1 }
    left = AlignedBuffer(count: largest { $0.m * $0.k })
    right = AlignedBuffer(count: largest { $0.n * $0.k })
    result = AlignedBuffer(count: largest { $0.m * $0.n })
    codes = AlignedBuffer(count: largest { $0.kind == .forward ? $0.m * $0.k : $0.n * $0.k })
    scales = AlignedBuffer(count: largest { max($0.m, $0.k) })
    fillNormal(left.pointer, count: left.count, deviation: 1, seed: 1, team: team)
    fillNormal(right.pointer, count: right.count, deviation: 0.02, seed: 2, team: team)
    for index in 0..<codes.count { codes.pointer[index] = Int8(truncatingIfNeeded: index &* 97) }
    for index in 0..<scales.count { scales.pointer[index] = 30 + Float(index % 7) }
  }

  /// What has to be called to do the product once.
  func work(for product: ProductCase) -> () -> Void {
    let (m, n, k) = (product.m, product.n, product.k)
    let (precision, team) = (product.precision, team)
    let (x, w, y) = (left.pointer, right.pointer, result.pointer)
    let (codes, scales) = (codes.pointer, scales.pointer)
    switch product.kind {
    case .forward:
      let trits = TernaryWeights(rows: n, columns: k)
      trits.quantize(from: w, team: team)
      return {
        ternaryProduct(codes: codes, scales: scales, weights: trits, into: y, m: m, team: team)
      }
    case .inputGradient:
      let trits = TernaryWeights(rows: k, columns: n)
      trits.quantize(from: w, team: team)
      return {
        ternaryInputGradient(
          x, weights: trits, into: y, m: m, accumulate: false, precision: precision, team: team)
      }
    case .weightGradient:
      return {
        ternaryWeightGradient(
          x, codes: codes, scales: scales, into: y, m: k, out: m, in: n, precision: precision,
          team: team)
      }
    case .nt:
      return {
        productNT(
          x, w, into: y, m: m, n: n, k: k, accumulate: false, precision: precision, team: team)
      }
    case .nn:
      return {
        productNN(
          x, w, into: y, m: m, n: n, k: k, accumulate: false, precision: precision, team: team)
      }
    case .tn:
      return {
        productTN(
          x, w, into: y, m: m, n: n, k: k, accumulate: true, precision: precision, team: team)
      }
    }
  }
}
