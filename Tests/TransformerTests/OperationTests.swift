import CKernels
import Foundation
import Kernels
import TestSupport
import Testing
import Transformer

/// Every loop of CKernels/include/transformer_kernels.h against the reference's formula, and every
/// backward loop against central differences of that formula, for every instruction set.
struct OperationTests {
  typealias Loops = transformer_kernels_table

  static func loops(_ set: InstructionSet) -> Loops {
    transformer_kernels(Int32(InstructionSet.allCases.firstIndex(of: set)!)).pointee
  }

  /// Expects floats that differ by rounding only: relative to the largest, 1e-5 covers sums of
  /// a few hundred terms with a relative error of 6e-8 each.
  static func expectClose(
    _ found: [Float], _ expected: [Double], _ place: String
  ) {
    let scale = expected.reduce(1e-3) { max($0, abs($1)) }
    let worst = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? 0
    #expect(found.count == expected.count && worst < 1e-5 * scale, "\(place): \(worst)")
  }

  /// The derivative of `loss` at `point` along `direction`, by central differences.
  static func slope(
    at point: [Double], along direction: [Double], _ loss: ([Double]) -> Double
  ) -> Double {
    let step = 1e-5
    func shifted(_ step: Double) -> Double {
      loss(zip(point, direction).map { $0 + step * $1 })
    }
    return (shifted(step) - shifted(-step)) / (2 * step)
  }

  /// Expects `gradient` to give the slope of `loss` along a random direction.
  static func expectGradient(
    _ gradient: [Float], at point: [Float], _ place: String, using random: inout SplitMix64,
    _ loss: ([Double]) -> Double
  ) {
    let direction = random.floats(point.count).map(Double.init)
    let numeric = slope(at: point.map(Double.init), along: direction, loss)
    let terms = zip(gradient, direction).map { Double($0) * $1 }
    // At one column RMSNorm's gradient is a difference of two numbers near 1 that cancel.
    let scale = terms.reduce(0.05) { $0 + abs($1) }
    #expect(
      abs(numeric - terms.reduce(0, +)) < 2e-5 * scale,
      "\(place): \(numeric) against \(terms.reduce(0, +))")
  }

  static func dot(_ left: [Double], _ right: [Float]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * Double($1.1) }
  }

  // 1 ... 70 columns cross no vector, one, several, and every tail of all instruction sets.
  @Test(arguments: InstructionSet.available)
  func `rmsnorm and its gradients equal the reference at every width`(set: InstructionSet) {
    let loops = Self.loops(set)
    for columns in 1...70 {
      var random = SplitMix64(seed: UInt64(columns))
      let place = "\(columns) columns"
      let (x, addend) = (random.floats(columns), random.floats(columns))
      let gain = random.floats(columns)
      let weights = random.floats(columns)
      var sum = [Float](repeating: 0, count: columns)
      var normed = sum
      var inverse: Float = 0
      loops.rmsnorm_forward(x, addend, &sum, gain, 1e-5, 1, columns, &normed, &inverse)
      #expect(sum == zip(x, addend).map { $0 + $1 }, "\(place)")
      func reference(_ x: [Double], _ gain: [Double]) -> [Double] {
        ReferenceOperations.rmsNorm(x, gain: gain, epsilon: 1e-5)
      }
      let (point, gains) = (sum.map(Double.init), gain.map(Double.init))
      Self.expectClose(normed, reference(point, gains), place)

      var dx = [Float](repeating: 1, count: columns)
      var dgain = [Float](repeating: 7, count: columns)
      loops.rmsnorm_backward(weights, sum, gain, &inverse, 1, columns, &dx, 1, &dgain)
      let added = dx.map { $0 - 1 }
      Self.expectGradient(added, at: sum, place + ", x", using: &random) {
        Self.dot(reference($0, gains), weights)
      }
      Self.expectGradient(dgain, at: gain, place + ", gain", using: &random) {
        Self.dot(reference(point, $0), weights)
      }
    }
  }

  @Test(arguments: InstructionSet.available)
  func `the gated product and its gradients equal the reference at every width`(
    set: InstructionSet
  ) {
    let loops = Self.loops(set)
    for columns in 1...70 {
      for (kind, activation) in [
        (TRANSFORMER_SILU, ModelConfiguration.Activation.silu),
        (TRANSFORMER_RELU_SQUARED, .relu2),
      ] {
        for hasNorm in [false, true] {
          var random = SplitMix64(seed: UInt64(columns))
          let place = "\(columns) columns, \(activation), norm: \(hasNorm)"
          let gate = random.floats(columns, magnitude: 4)
          let (up, weights) = (random.floats(columns), random.floats(columns))
          let gain = hasNorm ? random.floats(columns) : nil
          func reference(_ gate: [Double], _ up: [Double], _ gain: [Double]?) -> [Double] {
            let product = zip(gate, up).map {
              ReferenceOperations.gated(activation, gate: $0, up: $1)
            }
            guard let gain else { return product }
            return ReferenceOperations.rmsNorm(product, gain: gain, epsilon: 1e-5)
          }
          let (gates, ups) = (gate.map(Double.init), up.map(Double.init))
          let gains = gain?.map(Double.init)
          var normed = [Float](repeating: 0, count: columns)
          var inverse: Float = 0
          let gainOrNil: UnsafePointer<Float>? = gain.map { UnsafePointer(Self.copy($0)) }
          defer { gainOrNil?.deallocate() }
          loops.gated_forward(kind, gate, up, gainOrNil, 1e-5, 1, columns, &normed, &inverse)
          Self.expectClose(normed, reference(gates, ups, gains), place)

          var dgate = [Float](repeating: 0, count: columns)
          var dup = dgate
          var dgain = dgate
          loops.gated_backward(
            kind, weights, gate, up, gainOrNil, &inverse, 1, columns, &dgate, &dup, &dgain)
          Self.expectGradient(dgate, at: gate, place + ", gate", using: &random) {
            Self.dot(reference($0, ups, gains), weights)
          }
          Self.expectGradient(dup, at: up, place + ", up", using: &random) {
            Self.dot(reference(gates, $0, gains), weights)
          }
          guard let gain else { continue }
          Self.expectGradient(dgain, at: gain, place + ", gain", using: &random) {
            Self.dot(reference(gates, ups, $0), weights)
          }
        }
      }
    }
  }

  private static func copy(_ values: [Float]) -> UnsafeMutablePointer<Float> {
    let copy = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
    copy.initialize(from: values, count: values.count)
    return copy
  }

  @Test(arguments: InstructionSet.available)
  func `rotating equals the reference, and backward undoes it`(set: InstructionSet) throws {
    let loops = Self.loops(set)
    for dimension in stride(from: 2, through: 70, by: 2) {
      var random = SplitMix64(seed: UInt64(dimension))
      let configuration = ModelConfiguration(
        vocabSize: 2, hiddenSize: 2, intermediateSize: 2, numHiddenLayers: 1,
        numAttentionHeads: 2, headDim: dimension, ropeTheta: 50)
      let rotary = RotaryFrequencies(configuration)
      let (length, first, rows) = (5, 3, 4)
      func table(_ body: (Double) -> Double) -> [Float] {
        var values: [Float] = []
        for position in 0..<length {
          values += rotary.frequencies.map { Float(body(Double(position) * $0)) }
        }
        return values
      }
      let cosines = table { cos($0) }
      let sines = table { sin($0) }
      let x = random.floats(rows * 2 * dimension)
      var turned = x
      loops.rope_rotate(&turned, first, rows, length, 2, dimension, cosines, sines, 1)
      var expected: [Double] = []
      for head in 0..<rows * 2 {
        let before = x[head * dimension..<(head + 1) * dimension].map(Double.init)
        expected += ReferenceOperations.rotate(
          before, position: (first + head / 2) % length, by: rotary)
      }
      Self.expectClose(turned, expected, "D = \(dimension)")
      loops.rope_rotate(&turned, first, rows, length, 2, dimension, cosines, sines, -1)
      Self.expectClose(turned, x.map(Double.init), "D = \(dimension), back")
    }
  }

  // Lengths around the blocks of query rows and around the vectors; heads that fill vectors and
  // heads that do not; one and several query heads for a head of keys.
  @Test(
    arguments: InstructionSet.available,
    [
      (1, 2, 1), (2, 6, 2), (15, 16, 1), (16, 16, 3), (17, 8, 1), (47, 4, 1), (48, 18, 1),
      (49, 4, 2), (97, 6, 1),
    ])
  func `attention and its gradients equal the reference`(
    set: InstructionSet, shape: (length: Int, dimension: Int, groups: Int)
  ) {
    let loops = Self.loops(set)
    let (length, dimension, groups) = shape
    let place = "T = \(length), D = \(dimension), G = \(groups)"
    var random = SplitMix64(seed: UInt64(length * 100 + dimension))
    // One more head of keys lies beside this one, so that the strides are not the widths.
    let (queryStride, keyStride) = (groups * dimension + 3, 2 * dimension)
    let queries = random.floats(length * queryStride, magnitude: 3)
    let keys = random.floats(length * keyStride)
    let values = random.floats(length * keyStride)
    let weights = random.floats(length * queryStride)
    var cShape = transformer_attention_shape(
      length: length, query_heads: groups, head_dimension: dimension, query_stride: queryStride,
      key_value_stride: keyStride, scale: 1 / Float(dimension).squareRoot())
    var scratch = [Float](repeating: .nan, count: loops.attention_scratch(&cShape))
    var output = [Float](repeating: 0, count: queries.count)
    var logSumExp = [Float](repeating: 0, count: groups * length)
    loops.attention_forward(
      &cShape, queries, keys, values, &output, &logSumExp, length, &scratch)

    func head(_ x: [Double], _ stride: Int, _ index: Int) -> [[Double]] {
      (0..<length).map {
        Array(x[$0 * stride + index * dimension..<$0 * stride + (index + 1) * dimension])
      }
    }
    func reference(_ queries: [Double], _ keys: [Double], _ values: [Double]) -> [Double] {
      var output = [Double](repeating: 0, count: queries.count)
      for group in 0..<groups {
        let rows = ReferenceOperations.attention(
          queries: head(queries, queryStride, group), keys: head(keys, keyStride, 0),
          values: head(values, keyStride, 0))
        for (position, row) in rows.enumerated() {
          let first = position * queryStride + group * dimension
          output.replaceSubrange(first..<first + dimension, with: row)
        }
      }
      return output
    }
    let (q, k, v) = (queries.map(Double.init), keys.map(Double.init), values.map(Double.init))
    Self.expectClose(output, reference(q, k, v), place)

    var dqueries = [Float](repeating: 0, count: queries.count)
    var dkeys = [Float](repeating: 0, count: keys.count)
    var dvalues = dkeys
    loops.attention_backward(
      &cShape, queries, keys, values, output, logSumExp, length, weights, &dqueries, &dkeys,
      &dvalues, &scratch)
    Self.expectGradient(dqueries, at: queries, place + ", q", using: &random) {
      Self.dot(reference($0, k, v), weights)
    }
    Self.expectGradient(dkeys, at: keys, place + ", k", using: &random) {
      Self.dot(reference(q, $0, v), weights)
    }
    Self.expectGradient(dvalues, at: values, place + ", v", using: &random) {
      Self.dot(reference(q, k, $0), weights)
    }
  }

  @Test func `large scores neither overflow nor lose their softmax`() {
    for set in InstructionSet.available {
      let loops = Self.loops(set)
      var shape = transformer_attention_shape(
        length: 3, query_heads: 1, head_dimension: 2, query_stride: 2, key_value_stride: 2, scale: 1
      )
      let queries: [Float] = [1e3, 0, 1e3, 0, -1e3, 0]
      let keys: [Float] = [1, 0, 2, 0, 3, 0]
      let values: [Float] = [1, 2, 3, 4, 5, 6]
      var scratch = [Float](repeating: 0, count: loops.attention_scratch(&shape))
      var output = [Float](repeating: 0, count: 6)
      var logSumExp = [Float](repeating: 0, count: 3)
      loops.attention_forward(&shape, queries, keys, values, &output, &logSumExp, 3, &scratch)
      #expect(output == [1, 2, 3, 4, 1, 2], "\(set)")
      #expect(logSumExp == [1e3, 2e3, -1e3], "\(set)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func `a NaN is never made a number`(set: InstructionSet) {
    let loops = Self.loops(set)
    var shape = transformer_attention_shape(
      length: 2, query_heads: 1, head_dimension: 2, query_stride: 2, key_value_stride: 2, scale: 1)
    var scratch = [Float](repeating: 0, count: loops.attention_scratch(&shape))
    var output = [Float](repeating: 0, count: 4)
    var logSumExp = [Float](repeating: 0, count: 2)
    let ones: [Float] = [1, 1, 1, 1]
    loops.attention_forward(
      &shape, [1, 1, .nan, 1], ones, ones, &output, &logSumExp, 2, &scratch)
    #expect(output[..<2] == [1, 1] && output[2].isNaN && output[3].isNaN)

    var normed = [Float](repeating: 0, count: 20)
    var inverse: Float = 0
    var gate = [Float](repeating: 1, count: 20)
    gate[17] = .nan
    let up = [Float](repeating: 1, count: 20)
    for kind in [TRANSFORMER_SILU, TRANSFORMER_RELU_SQUARED] {
      loops.gated_forward(kind, gate, up, nil, 0, 1, 20, &normed, &inverse)
      #expect(normed[17].isNaN && !normed[16].isNaN, "\(kind)")
    }
  }

  @Test(arguments: InstructionSet.available)
  func `rows of a table are gathered, and their gradients added in order`(set: InstructionSet) {
    let loops = Self.loops(set)
    for columns in [1, 7, 16, 33, 70] {
      var random = SplitMix64(seed: UInt64(columns))
      let table = random.floats(5 * columns)
      let tokens: [Int32] = [3, 0, 3, 4]
      var rows = [Float](repeating: 0, count: 4 * columns)
      loops.embedding_gather(table, tokens, 4, columns, &rows)
      #expect(rows == tokens.flatMap { table[Int($0) * columns..<(Int($0) + 1) * columns] })

      var gradient = [Float](repeating: 1, count: 5 * columns)
      loops.embedding_scatter(rows, tokens, 4, columns, 0, columns / 2, &gradient)
      loops.embedding_scatter(rows, tokens, 4, columns, columns / 2, columns, &gradient)
      var expected = [Float](repeating: 1, count: 5 * columns)
      for (row, token) in tokens.enumerated() {
        for column in 0..<columns {
          expected[Int(token) * columns + column] += rows[row * columns + column]
        }
      }
      #expect(gradient == expected, "\(columns) columns")

      var biased = rows
      let bias = random.floats(columns)
      loops.bias_add(&biased, bias, 4, columns)
      #expect(biased == rows.indices.map { rows[$0] + bias[$0 % columns] })
      var sums = [Float](repeating: 9, count: columns)
      loops.column_sums(rows, 4, columns, &sums)
      var expectedSums = [Float](repeating: 0, count: columns)
      for (index, element) in rows.enumerated() { expectedSums[index % columns] += element }
      #expect(sums == expectedSums)
    }
  }
}
