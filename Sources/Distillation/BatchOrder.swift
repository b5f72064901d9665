/// Which sequences a batch holds: a pure function of seed and batch number.
///
/// Each epoch is a random order of all sequences. It is cut into windows of some tens of batches;
/// within a window the sequences are sorted by length, so that a batch holds texts of like length
/// and little padding, and the window's batches are then put in random order.
package struct BatchOrder: Sendable {
  /// Wide enough that lengths within a batch differ little, narrow enough that an epoch stays random.
  static let windowBatches = 64

  private let lengths: [Int]
  private let batchSize: Int
  private let seed: UInt64
  private var cached: (epoch: Int, batches: [[Int]])?

  /// - Parameters:
  ///   - lengths: tokens of each sequence; not empty.
  ///   - batchSize: sequences of a batch; the last batch of an epoch may hold fewer.
  package init(lengths: [Int], batchSize: Int, seed: UInt64) {
    precondition(!lengths.isEmpty && batchSize > 0, "there must be sequences, and room for them")
    self.lengths = lengths
    self.batchSize = batchSize
    self.seed = seed
  }

  /// How many batches hold every sequence once.
  package var batchesPerEpoch: Int { (lengths.count + batchSize - 1) / batchSize }

  /// The sequences of one batch.
  ///
  /// - Parameter batch: counted from the start of the run, over all epochs.
  package mutating func sequences(ofBatch batch: Int) -> [Int] {
    let (epoch, index) = batch.quotientAndRemainder(dividingBy: batchesPerEpoch)
    if let cached, cached.epoch == epoch { return cached.batches[index] }
    let batches = batches(ofEpoch: epoch)
    cached = (epoch, batches)
    return batches[index]
  }

  private func batches(ofEpoch epoch: Int) -> [[Int]] {
    var random = SplitMix64(seed: seed, stream: UInt64(epoch))
    var order = Array(lengths.indices)
    random.shuffle(&order)
    var result: [[Int]] = []
    for first in stride(from: 0, to: order.count, by: batchSize * Self.windowBatches) {
      let end = min(order.count, first + batchSize * Self.windowBatches)
      let window = order[first..<end].sorted { (lengths[$0], $0) < (lengths[$1], $1) }
      var batches = stride(from: 0, to: window.count, by: batchSize).map {
        Array(window[$0..<min(window.count, $0 + batchSize)])
      }
      random.shuffle(&batches)
      result += batches
    }
    return result
  }
}
