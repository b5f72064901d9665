import Checkpoints
import Foundation
import Kernels
import Testing
import Transformer

@testable import Distillation

struct CheckpointTests {
  private func resumed(
    _ url: URL, _ recipe: TrainingRecipe, data: InMemoryData = TrainingFixture.data(),
    identity: RunIdentity? = nil, threads: Int = 1
  ) throws -> Trainer {
    try Trainer.resume(
      from: url, recipe: recipe, configuration: TrainingFixture.configuration(), data: data,
      identity: identity, team: ComputeTeam(threadCount: threads))
  }

  /// Everything of a checkpoint that is not a measured time.
  private func bytes(_ url: URL) throws -> [String: Data] {
    var bytes: [String: Data] = [:]
    for name in ["model.safetensors", "optimizer.safetensors", "config.json", "state.json"] {
      bytes[name] = try Data(contentsOf: url.appendingPathComponent(name))
    }
    return bytes
  }

  @Test(arguments: TrainingRecipe.Precision.allCases)
  func `a run killed anywhere ends with the bits of one that was not`(
    precision: TrainingRecipe.Precision
  ) throws {
    try TrainingFixture.withFolder { folder in
      let recipe = TrainingFixture.recipe(
        precision: precision,
        flip: FlipRecipe(fraction: 0.4, maximumLossIncrease: 0, graceSteps: 3))
      let undisturbed = try TrainingFixture.trainer(recipe)
      let reports = try undisturbed.finish()
      let expected = folder.appendingPathComponent("expected")
      try undisturbed.writeCheckpoint(to: expected)

      let checkpoint = folder.appendingPathComponent("checkpoint")
      var trainer = try TrainingFixture.trainer(recipe)
      try trainer.writeCheckpoint(to: checkpoint)
      var losses: [Int: Double] = [:]
      var random = SplitMix64(seed: 42)
      while trainer.state.step < recipe.steps {
        let report = try trainer.step()
        losses[report.step] = report.loss
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
          // Killed at a boundary, the checkpoint written.
          try trainer.writeCheckpoint(to: checkpoint)
          trainer = try resumed(checkpoint, recipe, threads: report.step % 2 + 1)
        case 1:
          // Killed in the middle of an accumulation, with the checkpoint some steps back.
          var asked = 0
          _ = try? trainer.step {
            asked += 1
            return asked == 2
          }
          trainer = try resumed(checkpoint, recipe)
        default: try trainer.writeCheckpoint(to: checkpoint)
        }
      }
      let final = folder.appendingPathComponent("final")
      try trainer.writeCheckpoint(to: final)
      let (found, wanted) = (try bytes(final), try bytes(expected))
      for (name, content) in wanted { #expect(found[name] == content, "\(name)") }
      #expect((0..<recipe.steps).map { losses[$0] } == reports.map(\.loss))
    }
  }

  @Test func `a checkpoint holds what a reader needs`() throws {
    try TrainingFixture.withFolder { folder in
      let trainer = try TrainingFixture.trainer()
      try trainer.step()
      let url = folder.appendingPathComponent("one")
      try trainer.writeCheckpoint(to: url, tokenizer: Data("{}".utf8))
      let names = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
      #expect(
        names == [
          "SHA256SUMS", "config.json", "health.json", "model.safetensors",
          "optimizer.safetensors", "state.json", "tokenizer.json",
        ])
      let content = try CheckpointContent(at: url)
      #expect(content.configuration == trainer.configuration)
      let parameters = try content.parameters()
      #expect(
        memcmp(parameters.values, trainer.parameters.values, 4 * parameters.layout.count) == 0)
      #expect(try content.state() == trainer.state)
    }
  }

  @Test func `another run's checkpoint is refused, both sides named`() throws {
    try TrainingFixture.withFolder { folder in
      let url = folder.appendingPathComponent("one")
      let recipe = TrainingFixture.recipe()
      let data = TrainingFixture.data()
      let ours = RunIdentity(
        specHash: "spec-a", traceFingerprint: data.fingerprint, tokenizerSHA256: "tok-a")
      let trainer = try Trainer(
        recipe: recipe, configuration: TrainingFixture.configuration(), data: data,
        identity: ours, team: ComputeTeam(threadCount: 1))
      try trainer.writeCheckpoint(to: url)
      _ = try resumed(url, recipe, identity: ours)
      let theirs = RunIdentity(
        specHash: "spec-b", traceFingerprint: "traces-b", tokenizerSHA256: nil)
      let expected = TrainingError.mismatch([
        .init("spec hash", checkpoint: "spec-a", run: "spec-b"),
        .init("trace fingerprint", checkpoint: data.fingerprint, run: "traces-b"),
        .init("tokenizer", checkpoint: "tok-a", run: "unknown"),
      ])
      #expect(throws: expected) { try resumed(url, recipe, identity: theirs) }
      #expect(expected.description.contains("its spec hash is spec-a, this run's is spec-b"))
    }
  }

  @Test func `a damaged file is found before it is used`() throws {
    try TrainingFixture.withFolder { folder in
      let recipe = TrainingFixture.recipe()
      let trainer = try TrainingFixture.trainer(recipe)
      for name in ["model.safetensors", "optimizer.safetensors", "state.json", "config.json"] {
        let url = folder.appendingPathComponent(name + "-case")
        try trainer.writeCheckpoint(to: url)
        let file = url.appendingPathComponent(name)
        var content = try Data(contentsOf: file)
        content[content.count - 3] ^= 0x10
        try content.write(to: file)
        #expect {
          try resumed(url, recipe)
        } throws: { error in
          guard case .checkpoint(let reason)? = error as? TrainingError else { return false }
          return reason.contains(name)
        }
      }
    }
  }

  @Test func `a folder keeps the newest, the best, and their health`() throws {
    try TrainingFixture.withFolder { folder in
      let trainer = try TrainingFixture.trainer(TrainingFixture.recipe(steps: 6))
      let checkpoints = CheckpointFolder(url: folder, modelName: "tiny", keepLast: 2)
      var healths: [String: Double] = [:]
      for _ in 0..<6 {
        let report = try trainer.step()
        let url = try checkpoints.write(trainer.checkpointImage)
        #expect(url.lastPathComponent == "tiny_step_\(report.step + 1)")
        healths[url.lastPathComponent] = trainer.state.smoothedLoss
      }
      let best = try #require(healths.min { $0.value < $1.value }?.key)
      let expected = Set(["tiny_step_5", "tiny_step_6", best])
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(Set(names) == expected.union(expected.map { $0 + "_health.json" }))
      #expect(checkpoints.best() == best)
      let newest = try checkpoints.newestWhole()
      #expect(newest.url?.lastPathComponent == "tiny_step_6")
    }
  }

  @Test func `what a killed writer left is removed, checkpoints stay`() throws {
    try TrainingFixture.withFolder { folder in
      let trainer = try TrainingFixture.trainer()
      let checkpoints = CheckpointFolder(url: folder, modelName: "tiny")
      try trainer.step()
      _ = try checkpoints.write(trainer.checkpointImage)
      let leftover = folder.appendingPathComponent(".unfinished-tiny_step_2-1")
      try FileManager.default.createDirectory(at: leftover, withIntermediateDirectories: false)
      try checkpoints.removeUnfinished()
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
      #expect(names == ["tiny_step_1", "tiny_step_1_health.json"])
    }
  }

  @Test func `the best is the best by validation, when there was one`() throws {
    try TrainingFixture.withFolder { folder in
      let trainer = try TrainingFixture.trainer(TrainingFixture.recipe(steps: 3))
      let checkpoints = CheckpointFolder(url: folder, modelName: "tiny", keepLast: 3)
      try trainer.step()
      try trainer.validate(on: TrainingFixture.data(seed: 2))
      _ = try checkpoints.write(trainer.checkpointImage)
      // The training loss falls, but nobody validated.
      try trainer.step()
      _ = try checkpoints.write(trainer.checkpointImage)
      #expect(checkpoints.best() == "tiny_step_1")
    }
  }

  @Test func `a damaged newest checkpoint gives way to the one before`() throws {
    try TrainingFixture.withFolder { folder in
      let trainer = try TrainingFixture.trainer()
      let checkpoints = CheckpointFolder(url: folder, modelName: "tiny")
      for _ in 0..<2 {
        try trainer.step()
        _ = try checkpoints.write(trainer.checkpointImage)
      }
      try Data().write(to: folder.appendingPathComponent("tiny_step_2/optimizer.safetensors"))
      let newest = try checkpoints.newestWhole()
      #expect(newest.url?.lastPathComponent == "tiny_step_1")
      #expect(newest.damaged.count == 1)
      #expect(newest.damaged.first?.contains("optimizer.safetensors") == true)
    }
  }

  @Test func `health says null and why, never a guess`() throws {
    let trainer = try TrainingFixture.trainer(TrainingFixture.recipe(precision: .bf16))
    let json = try JSONSerialization.jsonObject(with: JSONEncoder().encode(trainer.health))
    let health = try #require(json as? [String: Any])
    #expect(health["loss"] is NSNull)
    #expect(health["tokens_per_s"] is NSNull)
    let scale = try #require(health["loss_scale"] as? [String: Any])
    #expect(scale["value"] is NSNull)
    #expect((scale["reason"] as? String)?.contains("bf16") == true)
    #expect(health["activation_bits"] as? Int == 8)
    #expect(health["token_budget"] is NSNull)
  }
}
