internal import Checkpoints
internal import Distillation
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Tokenization
internal import Transformer
internal import WorkerPool

/// Trains a model step by step, and goes on where an earlier attempt stopped.
struct TrainRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: TrainSpec) throws -> JobOutcome {
    let folder = try environment.folder.folder(of: running.job.id)
    running.report(Progress(message: "reading the data"))
    let plan: TrainingPlan
    do {
      plan = try TrainingPlan(spec, folder: folder, environment: environment) { progress in
        running.report(progress)
        return running.stopRequested == nil
      }
    } catch TrainingError.cancelled {
      return .stopped
    }
    try environment.requireMemory(
      training: plan.configuration, batch: plan.recipe.batchSize,
      length: plan.recipe.sequenceLength, activations: plan.recipe.activations,
      besides: (plan.teacher?.memory(for: plan.recipe).bytes ?? 0) + plan.mixingBytes)
    let checkpoints = CheckpointFolder(
      url: try environment.folder.made(folder.appendingPathComponent("checkpoints")),
      modelName: modelName, keepLast: spec.checkpoint.keepLast, keepsBest: spec.checkpoint.keepBest)
    // What a crash left half written takes room and is never read.
    try checkpoints.removeUnfinished()
    // Asked before the training takes its memory.
    let place = environment.checkpointPlace(for: plan)
    let teacher = try plan.teacher?.load(for: plan.recipe, team: environment.team)
    let trainer = try startingPoint(plan, checkpoints, teacher)
    trainer.checkpointPlace = place
    trainer.machine = environment.machine.peaks(of: environment.team)
    let writer = writer(of: trainer, plan, checkpoints)
    running.log(
      .info,
      "\(plan.configuration.parameterCount) parameters, \(plan.data.count) sequences, "
        + "step \(trainer.state.step) of \(plan.recipe.steps), checkpoints written "
        + (trainer.checkpointPlace == .aside
          ? "aside" : "in place, since a copy of the weights would not fit in memory"))
    do {
      guard try train(trainer, plan, spec, writer) else { return .stopped }
    } catch let error as TrainingError {
      throw Self.problem(error)
    }
    let final = try writer.finish(trainer)
    try environment.folder.publish("checkpoints", of: running.job.id)
    return .succeeded(result: try finish(trainer, plan, at: final.url))
  }

  /// Runs to the last step. False when the job was asked to stop; a checkpoint is written then.
  private func train(
    _ trainer: Trainer, _ plan: TrainingPlan, _ spec: TrainSpec, _ writer: CheckpointWriter
  ) throws -> Bool {
    while trainer.state.step < plan.recipe.steps {
      do {
        if running.stopRequested != nil { throw TrainingError.cancelled }
        try writer.check()
        let report = try trainer.step(isCancelled: { running.stopRequested != nil })
        try tell(report, of: trainer)
      } catch TrainingError.cancelled {
        try writer.finish(trainer)
        running.health(try JSONValue(encoding: trainer.health))
        return false
      }
      let isDue = trainer.state.step % spec.checkpoint.everySteps == 0
      if isDue, trainer.state.step < plan.recipe.steps {
        try validate(trainer, plan)
        let pause = try writer.write(trainer)
        running.metrics(
          [("checkpoint_pause_s", pause.seconds), ("checkpoint_wait_s", pause.waitedSeconds)],
          step: Int64(trainer.state.step))
        running.health(try JSONValue(encoding: trainer.health))
      }
    }
    try validate(trainer, plan)
    return true
  }

  // MARK: - Start

  /// The newest whole checkpoint of this job, or the first step.
  private func startingPoint(
    _ plan: TrainingPlan, _ checkpoints: CheckpointFolder, _ teacher: CompanionTeacher?
  ) throws -> Trainer {
    let found = try checkpoints.newestWhole()
    for damage in found.damaged { running.log(.warning, "not used: \(damage)") }
    if let newest = found.url {
      running.log(.info, "going on from \(newest.lastPathComponent)")
      return try Trainer.resume(
        from: newest, recipe: plan.recipe, configuration: plan.configuration, data: plan.data,
        teacher: teacher, identity: plan.identity, team: environment.team)
    }
    let initial = try plan.initialModel.map { folder in
      let parameters = Parameters(layout: ParameterLayout(plan.configuration))
      parameters.initialize(seed: plan.recipe.seed)
      // SubLN gains that the initial model lacks keep their first value, 1.
      try ModelFolder.copyWeights(from: folder, into: parameters) {
        $0.name.hasSuffix("_sub_norm.weight")
      }
      return parameters
    }
    return try Trainer(
      recipe: plan.recipe, configuration: plan.configuration, data: plan.data, initial: initial,
      teacher: teacher, identity: plan.identity, team: environment.team)
  }

  /// The name in checkpoint folders: the job's, made fit for a file name.
  private var modelName: String {
    let name = running.job.name.lowercased().map { character in
      character.isASCII && (character.isLetter || character.isNumber) ? character : "-"
    }
    let trimmed = String(name).split(separator: "-").joined(separator: "-")
    return trimmed.isEmpty ? "model" : trimmed
  }

  // MARK: - During

  private func tell(_ report: StepReport, of trainer: Trainer) throws {
    let step = Int64(report.step + 1)
    let total = trainer.recipe.steps
    let isLogged = report.step % trainer.recipe.logEvery == 0 || report.step + 1 == total
    if isLogged || report.flip != nil { running.metrics(report.metrics, step: step) }
    if isLogged { running.health(try JSONValue(encoding: trainer.health)) }
    if let flip = report.flip {
      running.log(.info, "activations: \(flip.rawValue) at step \(step)")
    }
    let speed = trainer.tokensPerSecond ?? report.tokensPerSecond
    let secondsLeft = Double(total - report.step - 1) * Double(report.inputTokens) / speed
    running.report(
      Progress(
        fraction: Double(step) / Double(total), step: step, stepsTotal: Int64(total),
        secondsLeft: secondsLeft,
        message: String(format: "loss %.4f, %.0f tokens/s", report.loss, speed)))
  }

  private func validate(_ trainer: Trainer, _ plan: TrainingPlan) throws {
    guard let validation = plan.validation else { return }
    let limit = max(1, 64 / plan.recipe.batchSize) * plan.recipe.batchSize
    let loss = try trainer.validate(on: validation, sequenceLimit: limit)
    running.metrics(
      [("validation_loss", loss.loss), ("validation_ce", loss.terms.ce)],
      step: Int64(trainer.state.step))
  }

  /// What writes the checkpoints, and names each to the store once it is on the disk.
  private func writer(
    of trainer: Trainer, _ plan: TrainingPlan, _ checkpoints: CheckpointFolder
  ) -> CheckpointWriter {
    CheckpointWriter(
      checkpoints, tokenizer: plan.tokenizer.json, layout: trainer.parameters.layout,
      place: trainer.checkpointPlace, team: environment.team
    ) { [running, folder = environment.folder] written in
      running.metrics([("checkpoint_s", written.seconds)], step: Int64(written.step))
      try running.recordCheckpoint(folder.relativePath(written.url))
    }
  }

  /// Why the training cannot go on, for the one who submitted it.
  private static func problem(_ error: TrainingError) -> any Error {
    guard case .notFinite = error else { return error }
    return Problem(
      type: "urn:bitnet:problem:diverged", title: "The training met a number that is not finite",
      detail: "\(error)")
  }

  // MARK: - End

  private func finish(_ trainer: Trainer, _ plan: TrainingPlan, at folder: URL) throws -> JSONValue
  {
    let id = ModelID.make(at: .now())
    for name in ["model.safetensors", "config.json", "tokenizer.json", "health.json"] {
      running.addArtifact(
        try Artifact(file: folder.appendingPathComponent(name), in: environment.folder))
    }
    let weights = folder.appendingPathComponent("model.safetensors")
    let fingerprint = try ChecksumList.digest(ofFile: weights.path)
    running.addModel(
      ModelRecord(
        id: id, jobID: running.job.id,
        name: running.job.name.isEmpty ? running.job.id.text : running.job.name,
        path: relative(folder),
        configuration: try JSONValue(encoding: plan.configuration),
        parameterCount: Int64(plan.configuration.parameterCount),
        bytes: Int64(try weights.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0),
        fingerprint: fingerprint, createdAt: .now()))
    let health = try JSONValue(encoding: trainer.health)
    running.health(health)
    return [
      "model": .string(id.text), "method": .string(plan.recipe.method.rawValue),
      "steps": .int(Int64(trainer.state.step)), "checkpoint": .string(relative(folder)),
      "parameters": .int(Int64(plan.configuration.parameterCount)),
      "final_loss": trainer.lastReport.map { .double($0.loss) } ?? .null,
      "validation_loss": trainer.lastValidation.map { .double($0.loss) } ?? .null,
      "weights_sha256": .string(fingerprint), "health": health,
    ]
  }

  private func relative(_ url: URL) -> String { environment.folder.relativePath(url) }
}
