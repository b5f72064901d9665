internal import Distillation
internal import Foundation
internal import Jobs
internal import Transformer

extension JobEnvironment {
  /// Refuses a training run that cannot fit, before anything is allocated.
  ///
  /// - Parameters:
  ///   - accumulation: micro-batches of a step. - besides: bytes of what runs beside it.
  func requireMemory(
    training configuration: ModelConfiguration, batch: Int, length: Int, accumulation: Int,
    activations: ActivationStorage, besides: Int = 0
  ) throws {
    func bytes(batch: Int, _ gradients: GradientMemory) -> Int {
      Transformer.memoryBytes(
        configuration: configuration, sequences: batch, length: length, training: true,
        storage: activations, gradientMemory: gradients, team: team
      ).total + besides
    }
    let available = Self.availableBytes
    let needed = bytes(batch: batch, GradientMemory(accumulation: accumulation))
    guard needed > available else { return }
    // Memory grows with the batch, so the largest that fits is found by halving.
    var (fits, tooMany) = (0, batch)
    while tooMany - fits > 1 {
      let middle = (fits + tooMany) / 2
      // The rest of the batch would be further micro-batches.
      if bytes(batch: middle, .own) <= available { fits = middle } else { tooMany = middle }
    }
    throw Self.tooLarge(
      needed, available,
      for: "\(configuration.parameterCount) parameters, batch \(batch) × \(length) tokens",
      hint: fits > 0
        ? "batch_size \(fits) would fit; use gradient_accumulation for the rest"
        : "no batch size fits; use a smaller model")
  }

  /// Where checkpoints are written from: from a copy, when there is room for one beside the training.
  func checkpointPlace(for plan: TrainingPlan) -> CheckpointPlace {
    let memory = TrainingMemory(
      recipe: plan.recipe, configuration: plan.configuration, checkpoints: .aside,
      teacher: plan.teacher?.memory(for: plan.recipe), team: team)
    return memory.total <= Self.availableBytes ? .aside : .inPlace
  }

  /// Refuses work that needs more than the machine has free.
  func requireMemory(_ bytes: Int, for what: String) throws {
    let available = Self.availableBytes
    if bytes > available {
      throw Self.tooLarge(
        bytes, available, for: what, hint: "use a smaller model, batch or length")
    }
  }

  private static func tooLarge(
    _ needed: Int, _ available: Int, for what: String, hint: String
  ) -> Problem {
    Problem(
      type: "urn:bitnet:problem:too-large", title: "The job does not fit in memory",
      detail: "\(what) needs \(needed >> 20) MiB, \(available >> 20) MiB are free: \(hint)")
  }

  /// What the kernel says could be used without swapping.
  static var availableBytes: Int {
    guard let text = try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8) else {
      return .max
    }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
        ?? .max
    }
    return .max
  }
}
