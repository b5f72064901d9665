import Checkpoints
import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing
import Transformer

@testable import Distillation

struct CheckpointWriterTests {
  private let folder: TemporaryFolder
  private let recipe = TrainingFixture.recipe(
    precision: .bf16, flip: FlipRecipe(fraction: 0.4, maximumLossIncrease: 0, graceSteps: 3))

  init() throws { folder = try TemporaryFolder() }

  private func writer(
    _ trainer: Trainer, place: CheckpointPlace = .aside, keepLast: Int = 20,
    onWritten: @escaping @Sendable (WrittenCheckpoint) throws -> Void = { _ in }
  ) -> CheckpointWriter {
    CheckpointWriter(
      CheckpointFolder(url: folder.url, modelName: "tiny", keepLast: keepLast),
      layout: trainer.parameters.layout, place: place, team: trainer.team, onWritten: onWritten)
  }

  private func resumed(_ name: String, threads: Int = 1) throws -> Trainer {
    try Trainer.resume(
      from: folder[name], recipe: recipe, configuration: TrainingFixture.configuration(),
      data: TrainingFixture.data(), team: ComputeTeam(threadCount: threads))
  }

  private func bytes(_ name: String) throws -> [String: Data] {
    var bytes: [String: Data] = [:]
    for file in ["model.safetensors", "optimizer.safetensors", "config.json", "state.json"] {
      bytes[file] = try Data(contentsOf: folder[name].appendingPathComponent(file))
    }
    return bytes
  }

  @Test func `a checkpoint written aside is the state of its step, and the run goes on from it`()
    throws
  {
    let trainer = try TrainingFixture.trainer(recipe)
    let writer = writer(trainer)
    // Every step writes, and the next one changes everything while it does.
    while trainer.state.step < recipe.steps - 1 {
      try trainer.step()
      try writer.write(trainer)
    }
    try trainer.step()
    try writer.finish(trainer)
    let expected = try bytes("tiny_step_\(recipe.steps)")
    for step in 1..<recipe.steps {
      let resumed = try resumed("tiny_step_\(step)", threads: step % 2 + 1)
      #expect(resumed.state.step == step)
      try resumed.finish()
      try resumed.writeCheckpoint(to: folder["again"])
      #expect(try bytes("again") == expected, "from step \(step)")
    }
  }

  @Test func `in place or aside, the same bytes`() throws {
    for place in [CheckpointPlace.aside, .inPlace] {
      let trainer = try TrainingFixture.trainer(recipe)
      try trainer.step()
      let writer = CheckpointWriter(
        CheckpointFolder(url: folder.url, modelName: place.rawValue),
        layout: trainer.parameters.layout, place: place, team: trainer.team)
      try writer.write(trainer)
      try trainer.step()
      try writer.finish(trainer)
    }
    for step in 1...2 {
      #expect(try bytes("aside_step_\(step)") == bytes("in_place_step_\(step)"))
    }
  }

  @Test func `one is written at a time, in order, and each is told`() throws {
    let told = Mutex<[Int]>([])
    let trainer = try TrainingFixture.trainer(recipe)
    let names: @Sendable () throws -> [String] = { [folder] in
      try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
    }
    let writer = writer(trainer) { written in
      told.withLock { $0.append(written.step) }
      let unfinished = try names().filter { $0.hasPrefix(AtomicFile.unfinishedPrefix) }
      #expect(unfinished.isEmpty)
      #expect(try names().contains("tiny_step_\(written.step)"))
    }
    for _ in 0..<6 {
      try trainer.step()
      let pause = try writer.write(trainer)
      #expect(pause.ownSeconds > 0)
      #expect(pause.waitedSeconds >= 0)
    }
    try writer.finish(trainer)
    #expect(told.withLock { $0 } == [1, 2, 3, 4, 5, 6, 6])
  }

  @Test(arguments: [FileOperation.create, .write, .sync, .rename])
  func `a write that fails aside ends the run, the checkpoint before stays whole`(
    operation: FileOperation
  ) throws {
    let trainer = try TrainingFixture.trainer(recipe)
    try trainer.step()
    let writer = writer(trainer)
    try writer.write(trainer)
    try trainer.step()
    try FileFailpoint.$check.withValue({
      $0 == operation && $1.contains("step_2") ? .error(28) : nil
    }) {
      try writer.write(trainer)
    }
    #expect {
      // The next step's boundary may come before or after the failure; the end does not.
      try writer.check()
      try writer.finish(trainer)
    } throws: { error in
      guard case .checkpoint(let reason)? = error as? TrainingError else { return false }
      return reason.contains("tiny_step_2")
    }
    let found = try CheckpointFolder(url: folder.url, modelName: "tiny").newestWhole()
    #expect(found.url?.lastPathComponent == "tiny_step_1")
    #expect(found.damaged.isEmpty)
    let resumed = try resumed("tiny_step_1")
    try resumed.finish()
    let undisturbed = try TrainingFixture.trainer(recipe)
    try undisturbed.finish()
    #expect(resumed.weightsDigest == undisturbed.weightsDigest)
  }

  @Test func `what cannot be recorded ends the run`() throws {
    struct Full: Error {}
    let trainer = try TrainingFixture.trainer(recipe)
    try trainer.step()
    let writer = writer(trainer) { _ in throw Full() }
    try writer.write(trainer)
    #expect(throws: TrainingError.self) { try writer.finish(trainer) }
  }
}
