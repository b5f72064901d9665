import CKernels
import Kernels
import TestSupport
import Testing

struct AttentionPrecisionTests {
  private struct Results {
    var output: [Float]
    var logSumExp: [Float]
    var dqueries: [Float]
    var dkeys: [Float]
    var dvalues: [Float]

    var all: [(name: String, values: [Float])] {
      [
        ("output", output), ("log-sum-exp", logSumExp), ("dq", dqueries), ("dk", dkeys),
        ("dv", dvalues),
      ]
    }
  }

  private struct Problem {
    let shape: transformer_attention_shape
    let queries: [Float]
    let keys: [Float]
    let values: [Float]
    let doutput: [Float]

    init(length: Int, dimension: Int, groups: Int) {
      var random = SplitMix64(seed: UInt64(length * 1000 + dimension))
      // More columns than the head has, so that strides are not widths.
      let (queryStride, keyStride) = (groups * dimension + 3, dimension + 5)
      shape = transformer_attention_shape(
        length: length, query_heads: groups, head_dimension: dimension, query_stride: queryStride,
        key_value_stride: keyStride, scale: 1 / Float(dimension).squareRoot())
      queries = random.floats(length * queryStride, magnitude: 2)
      keys = random.floats(length * keyStride, magnitude: 2)
      values = random.floats(length * keyStride)
      doutput = random.floats(length * queryStride)
    }

    func results(_ loops: transformer_kernels_table, isBF16: Bool) -> Results {
      var shape = shape
      let size = isBF16 ? loops.attention_scratch_bf16(&shape) : loops.attention_scratch(&shape)
      // NaN: what is read before it was written shows in the result.
      let scratch = AlignedBuffer<Float>(count: size + 1)
      scratch.elements.update(repeating: .nan)
      scratch[size] = 42
      defer { #expect(scratch[size] == 42, "scratch was overrun") }
      var results = Results(
        output: Array(repeating: 0, count: queries.count),
        logSumExp: Array(repeating: 0, count: shape.length * shape.query_heads),
        dqueries: Array(repeating: 0, count: queries.count),
        dkeys: Array(repeating: 0, count: keys.count),
        dvalues: Array(repeating: 0, count: keys.count))
      let forward = isBF16 ? loops.attention_forward_bf16! : loops.attention_forward!
      let backward = isBF16 ? loops.attention_backward_bf16! : loops.attention_backward!
      forward(
        &shape, queries, keys, values, &results.output, &results.logSumExp, shape.length,
        scratch.pointer)
      backward(
        &shape, queries, keys, values, results.output, results.logSumExp, shape.length, doutput,
        &results.dqueries, &results.dkeys, &results.dvalues, scratch.pointer)
      return results
    }
  }

  // Rounding moves an operand by 2^-9 of itself at most. A score of a few units then moves by some
  // 2^-8, its probability by as much of itself; 0.02 of a whole matrix's norm leaves a factor of 3.
  @Test(
    arguments: InstructionSet.available,
    [
      (1, 2), (2, 64), (3, 6), (31, 16), (32, 33), (63, 64), (64, 4), (65, 64), (100, 100),
      (129, 128), (200, 64),
    ])
  func `attention with bf16 products follows that of fp32`(
    set: InstructionSet, shape: (length: Int, dimension: Int)
  ) {
    let loops = OperationTests.loops(set)
    let problem = Problem(length: shape.length, dimension: shape.dimension, groups: 2)
    let exact = problem.results(loops, isBF16: false)
    let rounded = problem.results(loops, isBF16: true)
    for (left, right) in zip(exact.all, rounded.all) {
      let norm = left.values.reduce(1e-3) { $0 + $1 * $1 }.squareRoot()
      let distance = zip(left.values, right.values)
        .reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
      #expect(distance < 0.02 * norm, "\(set), \(shape), \(left.name): \(distance) of \(norm)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func `a position's bf16 attention does not depend on what comes after it`(set: InstructionSet) {
    let loops = OperationTests.loops(set)
    let long = Problem(length: 150, dimension: 32, groups: 1)
    let full = long.results(loops, isBF16: true)
    for length in [1, 17, 64, 65, 149] {
      var shape = long.shape
      shape.length = length
      var output = [Float](repeating: 0, count: long.queries.count)
      var logSumExp = [Float](repeating: 0, count: length)
      let scratch = AlignedBuffer<Float>(count: loops.attention_scratch_bf16(&shape))
      loops.attention_forward_bf16(
        &shape, long.queries, long.keys, long.values, &output, &logSumExp, length,
        scratch.pointer)
      let end = length * shape.query_stride
      #expect(output[..<end] == full.output[..<end], "\(length) positions")
    }
  }
}
