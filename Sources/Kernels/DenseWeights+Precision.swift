extension DenseWeights {
  /// y = x · wᵀ with both operands rounded as `precision` says.
  ///
  /// - Parameter x: `[m, columns]`. - Parameter y: `[m, rows]`, written.
  package func product(
    _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, m: Int,
    precision: ProductPrecision, team: ComputeTeam, instructionSet: InstructionSet = .active
  ) {
    let start = UnsafeRawPointer(bytes.pointer)
    let right: Product.Right
    switch (precision, storage) {
    case (.fp32, _), (_, .int8), (_, .int4):
      return product(x, into: y, m: m, team: team, instructionSet: instructionSet)
    case (_, .bf16):
      right = .bf16(start.assumingMemoryBound(to: UInt16.self), stride: columns)
    case (_, .fp32):
      right = .columns(start.assumingMemoryBound(to: Float.self), stride: columns)
    }
    Product(
      left: .rows(x, stride: columns), right: right, y: y, yStride: rows, m: m, n: rows,
      k: columns, accumulate: false
    ).run(precision, team: team, instructionSet: instructionSet)
  }
}
