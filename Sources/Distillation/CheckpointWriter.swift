// Checkpoints while training goes on.
//
// Between two steps all threads of the team copy weights and moments; a thread of its own then
// writes the copy while the next steps change the originals. Therefore:
//
//   - a checkpoint is the state after exactly one step, whatever is trained while it is written;
//   - one is written at a time: when the next is due before, training waits for it;
//   - one that cannot be written ends the run at the next step, the ones before stay as they were;
//   - a run's last is written from the originals, since nothing is left to do meanwhile.
//
// What it costs the training is measured: `CheckpointPause`.

internal import Checkpoints
internal import Dispatch
package import Foundation
package import Kernels
internal import Synchronization
package import Transformer

/// Where a run's checkpoints are written from, and by whom.
package enum CheckpointPlace: String, Sendable {
  /// From a copy, by a thread of its own, while training goes on: 12 bytes a parameter more.
  case aside
  /// From the originals, while training waits: for machines without room for the copy.
  case inPlace = "in_place"
}

/// What a checkpoint took of the training's time.
package struct CheckpointPause: Equatable, Sendable {
  /// Seconds that training waited for the checkpoint before this one.
  package let waitedSeconds: Double
  /// Seconds of the copy; of the whole write when it happens in place.
  package let ownSeconds: Double

  /// All that the training stood still.
  package var seconds: Double { waitedSeconds + ownSeconds }
}

/// A checkpoint that is on the disk.
package struct WrittenCheckpoint: Sendable {
  /// Its folder.
  package let url: URL
  /// Steps that it holds.
  package let step: Int
  /// Seconds of writing.
  package let seconds: Double
}

/// Writes the checkpoints of one run. Used by the thread that trains.
package final class CheckpointWriter {
  private let folder: CheckpointFolder
  private let tokenizer: Data?
  private let copy: CheckpointCopy?
  private let team: ComputeTeam
  private let onWritten: @Sendable (WrittenCheckpoint) throws -> Void
  private let thread = DispatchQueue(label: "bitnet.checkpoints")
  private let underWay = DispatchGroup()
  private let failure = FailureBox()

  /// - Parameters:
  ///   - tokenizer: the content of `tokenizer.json`; nil leaves it out.
  ///   - layout: of the model that is trained.
  ///   - onWritten: called when a checkpoint is on the disk, on the thread that wrote it; what it
  ///     throws ends the run as a failed write does.
  package init(
    _ folder: CheckpointFolder, tokenizer: Data? = nil, layout: ParameterLayout,
    place: CheckpointPlace, team: ComputeTeam,
    onWritten: @escaping @Sendable (WrittenCheckpoint) throws -> Void = { _ in }
  ) {
    self.folder = folder
    self.tokenizer = tokenizer
    self.team = team
    self.onWritten = onWritten
    copy = place == .aside ? CheckpointCopy(count: layout.count) : nil
  }

  deinit { underWay.wait() }

  /// Begins a checkpoint of the trainer's state.
  ///
  /// - Returns: what it took of the training's time.
  /// - Throws: what writing the one before threw, or this one when it is written in place.
  @discardableResult
  package func write(_ trainer: Trainer) throws(TrainingError) -> CheckpointPause {
    let start = ContinuousClock.now
    underWay.wait()
    try check()
    let waited = (.now - start).inSeconds
    if let copy {
      let image = copy.fill(from: trainer.checkpointImage, team: team)
      // A test's failing disk belongs to the task that trains; this thread writes for it.
      let faults = FileFailpoint.check
      thread.async(group: underWay) { [folder, tokenizer, onWritten, failure] in
        let write = {
          failure.keep { () throws(TrainingError) in
            try Self.write(image.value, in: folder, tokenizer: tokenizer, then: onWritten)
          }
        }
        // Not for nil: optimised code of Swift 6.3 then pushes a value without a type, and crashes.
        if let faults {
          FileFailpoint.$check.withValue(faults, operation: write)
        } else {
          write()
        }
      }
    } else {
      try writeNow(trainer)
    }
    return CheckpointPause(
      waitedSeconds: waited, ownSeconds: (.now - start).inSeconds - waited)
  }

  /// Writes the run's last checkpoint, and waits until it is on the disk.
  @discardableResult
  package func finish(_ trainer: Trainer) throws(TrainingError) -> WrittenCheckpoint {
    underWay.wait()
    try check()
    return try writeNow(trainer)
  }

  /// Throws what a checkpoint on its way has met, once. Cheap: asked at every step.
  package func check() throws(TrainingError) {
    if let error = failure.take() { throw error }
  }

  @discardableResult
  private func writeNow(_ trainer: Trainer) throws(TrainingError) -> WrittenCheckpoint {
    try Self.write(
      trainer.checkpointImage, in: folder, tokenizer: tokenizer, then: onWritten)
  }

  @discardableResult
  private static func write(
    _ image: CheckpointImage, in folder: CheckpointFolder, tokenizer: Data?,
    then onWritten: (WrittenCheckpoint) throws -> Void
  ) throws(TrainingError) -> WrittenCheckpoint {
    let start = ContinuousClock.now
    let url = try folder.write(image, tokenizer: tokenizer)
    let written = WrittenCheckpoint(
      url: url, step: image.state.step, seconds: (.now - start).inSeconds)
    do {
      try onWritten(written)
    } catch {
      throw .checkpoint("checkpoint \(url.path) was not recorded: \(error)")
    }
    return written
  }
}

/// Room for one copy of weights and moments.
private final class CheckpointCopy {
  /// The copy. Unchecked: the trainer's thread fills it only while nothing is under way, and the
  /// writing thread only reads it, from after the fill until it is done.
  struct Image: @unchecked Sendable {
    let value: CheckpointImage
    /// Keeps the arrays alive.
    let arrays: [AlignedBuffer<Float>]
  }

  private let parameters: AlignedBuffer<Float>
  private let firstMoments: AlignedBuffer<Float>
  private let secondMoments: AlignedBuffer<Float>

  init(count: Int) {
    parameters = AlignedBuffer(count: count)
    firstMoments = AlignedBuffer(count: count)
    secondMoments = AlignedBuffer(count: count)
  }

  func fill(from image: CheckpointImage, team: ComputeTeam) -> Image {
    for (destination, source) in [
      (parameters, image.parameters), (firstMoments, image.firstMoments),
      (secondMoments, image.secondMoments),
    ] {
      team.parallelRows(destination.count, grain: 4096) { range in
        (destination.pointer + range.lowerBound).update(
          from: source + range.lowerBound, count: range.count)
      }
    }
    return Image(
      value: CheckpointImage(
        image, parameters: parameters.pointer, firstMoments: firstMoments.pointer,
        secondMoments: secondMoments.pointer),
      arrays: [parameters, firstMoments, secondMoments])
  }
}

/// What the writing thread met, for the thread that trains.
private final class FailureBox: Sendable {
  private let error = Mutex<TrainingError?>(nil)

  func keep(_ body: () throws(TrainingError) -> Void) {
    do throws(TrainingError) {
      try body()
    } catch {
      self.error.withLock { $0 = error }
    }
  }

  func take() -> TrainingError? {
    error.withLock { error in
      defer { error = nil }
      return error
    }
  }
}
