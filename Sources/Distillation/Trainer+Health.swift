internal import Foundation
internal import Kernels
internal import Transformer

extension Trainer {
  /// Input tokens a second over the steps of this process; nil before the first.
  package var tokensPerSecond: Double? {
    measuredSeconds > 0 ? Double(measuredTokens) / measuredSeconds : nil
  }

  /// How the run is doing now.
  package var health: TrainingHealth {
    let predicted = TrainingMemory(
      recipe: recipe, configuration: configuration, checkpoints: checkpointPlace,
      teacher: teacher.map {
        TrainingMemory.Teacher(configuration: $0.configuration, bytes: $0.memoryBytes())
      }, team: team)
    return TrainingHealth(
      step: state.step, stepsTotal: recipe.steps, seenTokens: state.seenTokens,
      inputTokens: state.inputTokens, tokenBudget: recipe.flip?.tokenBudget,
      epochs: Double(state.step * recipe.accumulation) / Double(batchesPerEpoch),
      activationBits: transformer.activationBits?.rawValue,
      flipDone: state.flip.phase == .flipped, flip: state.flip, loss: lastReport?.loss,
      smoothedLoss: state.smoothedLoss, losses: lastReport?.raw,
      weightedLosses: lastReport?.weighted, termGradientNorms: lastReport?.termGradientNorms,
      validation: lastValidation, gradientNorm: lastReport?.gradientNorm,
      learningRate: lastReport?.learningRate,
      relationWeight: recipe.losses.ad == nil ? nil : state.relationWeight,
      lossScale: lossScaleHealth,
      skippedSteps: state.skippedSteps, nanCount: state.skippedSteps,
      invalidRows: state.invalidRows, cutSequences: state.cutSequences,
      tokensPerSecond: tokensPerSecond,
      threads: team.threadCount,
      memory: TrainingHealth.Memory(
        predicted: predicted, predictedBytes: predicted.total,
        peakResidentBytes: peakResidentBytes()),
      trits: trits,
      profile: profileSum.mean(
        of: recipe, quantization: configuration.quantization, machine: machine))
  }

  private var lossScaleHealth: TrainingHealth.LossScale {
    switch recipe.precision {
    case .fp16: TrainingHealth.LossScale(value: state.scaler?.scale, reason: nil)
    case .fp32, .bf16:
      TrainingHealth.LossScale(
        value: nil,
        reason: "\(recipe.precision.rawValue) has the range of fp32 and needs no loss scale")
    }
  }
}

/// The most memory that this process has held, from `/proc/self/status`; nil where there is none.
private func peakResidentBytes() -> Int? {
  guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
    let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
    let kibibytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
  else { return nil }
  return kibibytes * 1024
}
