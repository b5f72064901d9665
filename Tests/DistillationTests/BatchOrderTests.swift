import Testing

@testable import Distillation

struct BatchOrderTests {
  /// Lengths of 3 ... 200, in no order.
  let lengths = (0..<1000).map { 3 + ($0 * 7919) % 198 }

  @Test func `an epoch holds every sequence once`() {
    var order = BatchOrder(lengths: lengths, batchSize: 7, seed: 5)
    for epoch in 0..<3 {
      let first = epoch * order.batchesPerEpoch
      let all = (first..<first + order.batchesPerEpoch).flatMap { order.sequences(ofBatch: $0) }
      #expect(all.sorted() == Array(lengths.indices), "epoch \(epoch)")
    }
  }

  @Test func `a batch depends on seed and number only`() {
    var forward = BatchOrder(lengths: lengths, batchSize: 8, seed: 9)
    var backward = BatchOrder(lengths: lengths, batchSize: 8, seed: 9)
    var other = BatchOrder(lengths: lengths, batchSize: 8, seed: 10)
    let numbers = [0, 1, 124, 125, 126, 250, 700]
    let inOrder = numbers.map { forward.sequences(ofBatch: $0) }
    let reversed = numbers.reversed().map { backward.sequences(ofBatch: $0) }
    #expect(inOrder == reversed.reversed())
    let others = numbers.map { other.sequences(ofBatch: $0) }
    #expect(inOrder != others)
  }

  /// A checkpoint of an older build must go on with the same data, so the order is pinned.
  @Test func `the order never changes from build to build`() {
    var order = BatchOrder(lengths: [4, 9, 2, 7, 7, 3], batchSize: 2, seed: 1)
    let batches = (0..<4).map { order.sequences(ofBatch: $0) }
    #expect(batches == [[2, 5], [0, 3], [4, 1], [0, 3]])
  }

  @Test func `texts of like length share a batch`() {
    var order = BatchOrder(lengths: lengths, batchSize: 8, seed: 3)
    var padded = 0
    for batch in 0..<order.batchesPerEpoch {
      let batchLengths = order.sequences(ofBatch: batch).map { lengths[$0] }
      padded += (batchLengths.max() ?? 0) * batchLengths.count
    }
    // Batches of random texts would pad by about 75 %.
    #expect(Double(padded) < 1.06 * Double(lengths.reduce(0, +)))
  }

  @Test func `fewer sequences than a batch make small batches`() {
    var order = BatchOrder(lengths: [5, 6], batchSize: 8, seed: 1)
    #expect(order.batchesPerEpoch == 1)
    let fourth = order.sequences(ofBatch: 3).sorted()
    #expect(fourth == [0, 1])
  }
}
