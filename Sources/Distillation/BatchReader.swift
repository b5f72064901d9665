// The input side of training: a thread of its own reads, decodes and lays out the batches of the
// next steps while the current one is computed, so that a step finds its batches ready.
//
// What a step gets is a pure function of (data, recipe, step). How far ahead the thread is, and
// whether a step had to wait for it, changes no bit.

internal import Dispatch
internal import Synchronization

/// The batches of a run's steps, a few steps ahead.
final class BatchReader: Sendable {
  /// Bounds the memory, and is enough to hide that now and then a row group must be decoded.
  static let stepsAhead = 4

  private let data: any TrainingData
  private let recipe: TrainingRecipe
  private let layout: BatchLayout
  private let order: Mutex<BatchOrder>
  private let thread = DispatchQueue(label: "bitnet.batches")
  /// By step; the current one stays until a later one is asked for, since a stopped step may be
  /// tried again.
  private let steps = Mutex<[Int: PendingBatches]>([:])

  init(_ data: any TrainingData, recipe: TrainingRecipe, layout: BatchLayout) {
    self.data = data
    self.recipe = recipe
    self.layout = layout
    order = Mutex(
      BatchOrder(
        lengths: (0..<data.count).map { min(recipe.sequenceLength, data.length(ofSequence: $0)) },
        batchSize: recipe.batchSize, seed: recipe.seed))
  }

  /// The micro-batches of a step, as soon as they are there, and how long that took in seconds.
  ///
  /// - Throws: `.unusableData`, in the step that needs it and not before.
  func batches(
    ofStep step: Int
  ) throws(TrainingError) -> (batches: [MicroBatch], waitedSeconds: Double) {
    let start = ContinuousClock.now
    let pending = steps.withLock { steps in
      for old in steps.keys where old < step { steps[old] = nil }
      for ahead in step...max(step, min(step + Self.stepsAhead, recipe.steps - 1))
      where steps[ahead] == nil {
        steps[ahead] = begin(ahead)
      }
      return steps[step]
    }
    guard let pending else { preconditionFailure("the step was begun above") }
    let batches = try pending.wait().get()
    return (batches, (.now - start).inSeconds)
  }

  private func begin(_ step: Int) -> PendingBatches {
    let pending = PendingBatches()
    thread.async { [self] in
      pending.fulfil(Result { () throws(TrainingError) in try read(step) })
    }
    return pending
  }

  /// On `thread`.
  private func read(_ step: Int) throws(TrainingError) -> [MicroBatch] {
    var batches: [MicroBatch] = []
    for index in 0..<recipe.accumulation {
      let sequences = order.withLock {
        $0.sequences(ofBatch: step * recipe.accumulation + index)
      }
      batches.append(try layout.microBatch(of: sequences, from: data))
    }
    return batches
  }
}

/// How sequences become micro-batches.
struct BatchLayout: Sendable {
  /// Positions of the model; longer sequences lose their end.
  let maximumLength: Int
  /// Token ids must be below.
  let vocabularySize: Int
  /// Whether the teacher's distributions are needed.
  let withTeacher: Bool

  /// Reads these sequences and lays them side by side.
  func microBatch(
    of indices: [Int], from data: any TrainingData
  ) throws(TrainingError) -> MicroBatch {
    var sequences: [TrainingSequence] = []
    for index in indices {
      do {
        sequences.append(try data.sequence(at: index))
      } catch {
        throw .unusableData("sequence \(index): \(error)")
      }
    }
    return try MicroBatch(
      sequences, maximumLength: maximumLength, vocabularySize: vocabularySize,
      withTeacher: withTeacher)
  }
}

/// One step's batches, once they are there.
private final class PendingBatches: Sendable {
  private let done = DispatchGroup()
  private let result = Mutex<Result<[MicroBatch], TrainingError>?>(nil)

  init() { done.enter() }

  func fulfil(_ batches: Result<[MicroBatch], TrainingError>) {
    result.withLock { $0 = batches }
    done.leave()
  }

  func wait() -> Result<[MicroBatch], TrainingError> {
    done.wait()
    guard let batches = result.withLock({ $0 }) else {
      preconditionFailure("a result comes before the end of the wait")
    }
    return batches
  }
}
