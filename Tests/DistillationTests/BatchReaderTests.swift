import Dispatch
import Synchronization
import Testing
import Transformer

@testable import Distillation

/// Data that says what was read, and holds reading up until it is let go.
private final class WatchedData: TrainingData {
  let inner = TrainingFixture.data()
  let readings = Mutex<[Int]>([])
  let gate = DispatchSemaphore(value: 0)
  let isGated: Bool
  /// A sequence that cannot be read.
  let damaged: Int?

  init(isGated: Bool = false, damaged: Int? = nil) {
    self.isGated = isGated
    self.damaged = damaged
  }

  struct Damage: Error {}

  var count: Int { inner.count }
  var fingerprint: String { inner.fingerprint }
  func length(ofSequence index: Int) -> Int { inner.length(ofSequence: index) }
  func sequence(at index: Int) throws -> TrainingSequence {
    if isGated { gate.wait() }
    readings.withLock { $0.append(index) }
    if index == damaged { throw Damage() }
    return inner.sequence(at: index)
  }
}

struct BatchReaderTests {
  private static let recipe = TrainingFixture.recipe(batchSize: 2, accumulation: 2, steps: 20)

  private func reader(_ data: any TrainingData) -> BatchReader {
    BatchReader(
      data, recipe: Self.recipe,
      layout: BatchLayout(
        maximumLength: 24, vocabularySize: TrainingFixture.vocabularySize, withTeacher: true))
  }

  /// The batches' tokens, which tell them apart.
  private func tokens(_ reader: BatchReader, ofStep step: Int) throws -> [[Int32]] {
    try reader.batches(ofStep: step).batches.map(\.tokens.tokens)
  }

  @Test func `a step's batches do not depend on what was asked before`() throws {
    let data = WatchedData()
    let inOrder = reader(data)
    let expected = try (0..<20).map { try tokens(inOrder, ofStep: $0) }
    let inAnyOrder = reader(data)
    for step in [7, 7, 3, 19, 0, 1, 2] {
      #expect(try tokens(inAnyOrder, ofStep: step) == expected[step])
    }
  }

  @Test func `the next steps are read while the current one is computed, and no more`() throws {
    let data = WatchedData()
    let reader = reader(data)
    _ = try reader.batches(ofStep: 0)
    // Step 4 is the last that is begun; asking for it waits for the thread to get there.
    _ = try reader.batches(ofStep: BatchReader.stepsAhead)
    let read = data.readings.withLock { $0.count }
    #expect(read >= 4 * (BatchReader.stepsAhead + 1))
    #expect(read <= 4 * (2 * BatchReader.stepsAhead + 1))
  }

  @Test func `nothing is read behind the last step`() throws {
    let data = WatchedData()
    let reader = reader(data)
    _ = try reader.batches(ofStep: 18)
    _ = try reader.batches(ofStep: 19)
    // The thread is serial: what it would still do comes before this.
    _ = try reader.batches(ofStep: 18)
    #expect(data.readings.withLock { $0.count } == 12)
  }

  @Test func `a step that waits says how long`() throws {
    let data = WatchedData(isGated: true)
    let reader = reader(data)
    let opening = ContinuousClock.now
    DispatchQueue.global().asyncAfter(deadline: .now() + 0.02) {
      for _ in 0..<1000 { data.gate.signal() }
    }
    let waited = try reader.batches(ofStep: 0).waitedSeconds
    // No lower bound but this: the gate's timer runs before the wait begins.
    #expect(waited > 0)
    #expect(waited <= (.now - opening).inSeconds)
  }

  @Test func `damage is met in the step that needs it`() throws {
    let order = reader(WatchedData())
    let first = try tokens(order, ofStep: 0)
    var plain = BatchOrder(
      lengths: (0..<20).map { min(24, TrainingFixture.data().length(ofSequence: $0)) },
      batchSize: 2, seed: 3)
    let damaged = plain.sequences(ofBatch: 5)[0]
    let reader = reader(WatchedData(damaged: damaged))
    #expect(try tokens(reader, ofStep: 0) == first)
    _ = try reader.batches(ofStep: 1)
    #expect {
      try reader.batches(ofStep: 2)
    } throws: { error in
      guard case .unusableData(let reason)? = error as? TrainingError else { return false }
      return reason.hasPrefix("sequence \(damaged):")
    }
  }
}
