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
  let environment: JobEnvironment
  let running: RunningJob

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
      length: plan.recipe.sequenceLength, accumulation: plan.recipe.accumulation,
      activations: plan.recipe.activations,
      besides: (plan.teacher?.memory(for: plan.recipe).bytes ?? 0) + plan.mixingBytes)
    let layers = spec.losses.attentionRelations?.sweep ?? []
    let result: JSONValue?
    do {
      if layers.isEmpty {
        result = try train(TrainingRun(plan: plan), spec).map { end in
          var result = try finish(end).objectValue ?? [:]
          result["validation_task"] = try validatedTask(end, spec)
          return .object(result)
        }
      } else {
        result = try sweep(layers, plan, spec)
      }
    } catch let error as TrainingError {
      throw Self.problem(error)
    }
    guard let result else { return .stopped }
    try environment.folder.publish("checkpoints", of: running.job.id)
    return .succeeded(result: result)
  }

  /// The task's figures on the held-out examples; null when there are none.
  private func validatedTask(_ end: TrainingEnd, _ spec: TrainSpec) throws -> JSONValue {
    let validation = try end.run.plan.taskValidation(spec, paths: environment.paths)
    guard let validation else { return .null }
    running.report(Progress(fraction: 1, message: "judging by the held-out examples"))
    let report = try validation.run(end.trainer, team: environment.team, isCancelled: { false })
    return try JSONValue(encoding: report)
  }

  /// Trains one run to its end, or goes on where an earlier attempt stopped.
  ///
  /// - Returns: nil when the job was asked to stop; a checkpoint is written then.
  func train(_ run: TrainingRun, _ spec: TrainSpec) throws -> TrainingEnd? {
    let plan = run.plan
    let folder = try environment.folder.folder(of: running.job.id)
      .appendingPathComponent("checkpoints")
    let checkpoints = CheckpointFolder(
      url: try environment.folder.made(
        run.folder.map { folder.appendingPathComponent($0) } ?? folder),
      modelName: modelName, keepLast: spec.checkpoint.keepLast, keepsBest: spec.checkpoint.keepBest)
    // What a crash left half written takes room and is never read.
    try checkpoints.removeUnfinished()
    // Asked before the training takes its memory.
    let place = environment.checkpointPlace(for: plan)
    let teacher = try plan.teacher?.load(for: plan.recipe, team: environment.team)
    let trainer = try startingPoint(plan, checkpoints, teacher)
    if plan.recipe.onPolicy != nil {
      guard let endOfText = plan.tokenizer.endOfText else {
        throw Problem(
          type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
          detail: "on_policy needs a tokenizer with an end-of-text token, where answers end")
      }
      trainer.author = SamplingAuthor(endOfText: endOfText, team: environment.team)
    }
    trainer.checkpointPlace = place
    trainer.machine = environment.machine.peaks(of: environment.team)
    let writer = writer(of: trainer, plan, checkpoints)
    running.log(
      .info,
      "\(plan.configuration.parameterCount) parameters, \(plan.data.count) sequences, "
        + "step \(trainer.state.step) of \(plan.recipe.steps), checkpoints written "
        + (trainer.checkpointPlace == .aside
          ? "aside" : "in place, since a copy of the weights would not fit in memory"))
    guard try train(trainer, run, spec, writer) else { return nil }
    return TrainingEnd(run: run, trainer: trainer, checkpoint: try writer.finish(trainer).url)
  }

  /// Runs to the last step. False when the job was asked to stop; a checkpoint is written then.
  private func train(
    _ trainer: Trainer, _ run: TrainingRun, _ spec: TrainSpec, _ writer: CheckpointWriter
  ) throws -> Bool {
    let plan = run.plan
    while trainer.state.step < plan.recipe.steps {
      do {
        if running.stopRequested != nil { throw TrainingError.cancelled }
        try writer.check()
        let report = try trainer.step(isCancelled: { running.stopRequested != nil })
        try tell(report, of: trainer, in: run)
      } catch TrainingError.cancelled {
        try writer.finish(trainer)
        running.health(try JSONValue(encoding: trainer.health))
        return false
      }
      let isDue = trainer.state.step % spec.checkpoint.everySteps == 0
      if isDue, trainer.state.step < plan.recipe.steps {
        try validate(trainer, run)
        let pause = try writer.write(trainer)
        running.metrics(
          [("checkpoint_pause_s", pause.seconds), ("checkpoint_wait_s", pause.waitedSeconds)],
          step: run.number(of: trainer.state.step))
        running.health(try JSONValue(encoding: trainer.health))
      }
    }
    try validate(trainer, run)
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
      let isRotated = try ModelFolder.configuration(in: folder).hasRotatedInputs
      if isRotated != plan.configuration.hasRotatedInputs {
        parameters.rotateInputs(team: environment.team)
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

  private func tell(_ report: StepReport, of trainer: Trainer, in run: TrainingRun) throws {
    let step = run.number(of: report.step + 1)
    let total = trainer.recipe.steps
    let isLogged = report.step % trainer.recipe.logEvery == 0 || report.step + 1 == total
    if isLogged || report.flip != nil { running.metrics(report.metrics, step: step) }
    if isLogged { running.health(try JSONValue(encoding: trainer.health)) }
    if let flip = report.flip {
      running.log(.info, "activations: \(flip.rawValue) at step \(step)")
    }
    let speed = trainer.tokensPerSecond ?? report.tokensPerSecond
    let allSteps = total * run.count
    let secondsLeft = Double(allSteps - Int(step)) * Double(report.inputTokens) / speed
    running.report(
      Progress(
        fraction: Double(step) / Double(allSteps), step: step, stepsTotal: Int64(allSteps),
        secondsLeft: secondsLeft,
        message: String(format: "loss %.4f, %.0f tokens/s", report.loss, speed)))
  }

  private func validate(_ trainer: Trainer, _ run: TrainingRun) throws {
    guard let validation = run.plan.validation else { return }
    let batchSize = trainer.recipe.batchSize
    let limit = max(1, 64 / batchSize) * batchSize
    let loss = try trainer.validate(on: validation, sequenceLimit: limit)
    running.metrics(
      [("validation_loss", loss.loss), ("validation_ce", loss.terms.ce)],
      step: run.number(of: trainer.state.step))
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

  /// Records the model of a run that is done.
  func finish(_ end: TrainingEnd) throws -> JSONValue {
    let (trainer, plan, folder) = (end.trainer, end.run.plan, end.checkpoint)
    let model = try environment.record(
      modelAt: folder,
      files: ["model.safetensors", "config.json", "tokenizer.json", "health.json"],
      configuration: plan.configuration, of: running)
    let health = try JSONValue(encoding: trainer.health)
    running.health(health)
    return [
      "model": .string(model.id.text), "method": .string(plan.recipe.method.rawValue),
      "steps": .int(Int64(trainer.state.step)), "checkpoint": .string(model.path),
      "parameters": .int(model.parameterCount),
      "final_loss": trainer.lastReport.map { .double($0.loss) } ?? .null,
      "validation_loss": trainer.lastValidation.map { .double($0.loss) } ?? .null,
      "weights_sha256": .string(model.fingerprint), "health": health,
    ]
  }

  private func relative(_ url: URL) -> String { environment.folder.relativePath(url) }
}
