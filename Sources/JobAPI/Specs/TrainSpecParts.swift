// The nested objects of a train spec, in the order in which TrainSpec.swift lists them.

/// When a training ends.
package enum TrainingLength: Equatable, Sendable {
  case steps(Int)
  /// Target tokens seen, padding not counted.
  case tokenBudget(Int)

  static let field = Field<TrainSpec>.exclusive(
    \.length, .defaulted,
    [
      Alternative(
        "steps", .integer(1...1_000_000_000), "Optimizer steps.", wrap: { .steps($0) },
        unwrap: { if case .steps(let steps) = $0 { steps } else { nil } }),
      Alternative(
        "token_budget", .integer(1...1_000_000_000_000_000),
        "Target tokens after which the training ends, instead of steps.",
        wrap: { .tokenBudget($0) },
        unwrap: { if case .tokenBudget(let tokens) = $0 { tokens } else { nil } }),
    ])
}

/// AdamW (RECIPE 8).
package struct OptimizerSpec: Equatable, Sendable {
  package var learningRate: Double = 6e-4
  package var beta1: Double = 0.9
  package var beta2: Double = 0.95
  package var epsilon: Double = 1e-8
  /// On matrices only.
  package var weightDecay: Double = 0.1
  /// Largest global norm of the gradient.
  package var clipNorm: Double = 1.0

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "Optimizer", "AdamW.", initial: OptimizerSpec(),
    fields: [
      .field(
        "learning_rate", \.learningRate, .number(0...10),
        "After warm-up, at its highest."),
      .field("beta1", \.beta1, .number(0...0.999_999), "Decay of the first moment."),
      .field("beta2", \.beta2, .number(0...0.999_999), "Decay of the second moment."),
      .field(
        "epsilon", \.epsilon, .number(0...1), "Added to the root of the second."),
      .field("weight_decay", \.weightDecay, .number(0...10), "On matrices only."),
      .field(
        "clip_norm", \.clipNorm, .number(above: 0, through: 1e9),
        "Largest global norm of the gradient."),
    ])
}

/// The learning rate over the steps (RECIPE 8).
package struct ScheduleSpec: Equatable, Sendable {
  package var kind: ScheduleKind = .cosine
  /// Nil: see `warmupSteps(of:)`.
  package var warmupSteps: Int?
  /// The last learning rate, as a share of the highest.
  package var minimumFraction: Double = 0.1

  /// The defaults.
  package init() {}

  /// The warm-up of a training of `total` steps: a tenth of it, at most 100, unless said.
  package func warmupSteps(of total: Int) -> Int {
    warmupSteps ?? min(100, total / 10)
  }

  static let table = FieldTable(
    "Schedule", "The learning rate over the steps.", initial: ScheduleSpec(),
    fields: [
      .field("kind", \.kind, .choice, "What follows the linear warm-up."),
      .optional(
        "warmup_steps", \.warmupSteps, .integer(0...1_000_000_000),
        "Left out, a tenth of the steps, at most 100."),
      .field(
        "minimum_fraction", \.minimumFraction, .number(0...1),
        "The last learning rate, as a share of the highest."),
    ])
}

/// What follows the linear warm-up.
package enum ScheduleKind: String, CaseIterable, Sendable {
  case cosine
  case twoStage = "two_stage"
  case constant
}

/// Weights of the losses (RECIPE 4 and 5).
package struct LossSpec: Equatable, Sendable {
  package var kd = DistillationLossSpec()
  package var crossEntropy: Double = 0.25
  package var format: Double = 0.2
  /// Nil: attention is not compared.
  package var attentionRelations: AttentionRelationSpec?

  /// The defaults of a distillation from traces.
  package init() {}

  /// The defaults of fine-tuning for a task beside a local teacher (RECIPE 7): λ of
  /// BitNet Distillation (arXiv 2510.13998, §4.1), whose τ makes the gradient of KD small.
  package static var besideTeacher: LossSpec {
    var losses = LossSpec()
    losses.kd.weight = 10
    losses.kd.temperature = 5
    losses.crossEntropy = 1
    losses.format = 0
    return losses
  }

  /// The defaults where there is no teacher's signal.
  package static var crossEntropyOnly: LossSpec {
    var losses = LossSpec()
    losses.kd.weight = 0
    losses.crossEntropy = 1
    losses.format = 0
    return losses
  }

  static let table = FieldTable(
    "Losses", "Weights of the losses.", initial: LossSpec(),
    fields: [
      .field("kd", \.kd, DistillationLossSpec.table.shape, "Top-K + Other distillation."),
      .field("ce", \.crossEntropy, .number(0...1e6), "Weight of the cross-entropy."),
      .field("format", \.format, .number(0...1e6), "Weight of structural tokens' cross-entropy."),
      .optional(
        "ad", \.attentionRelations, AttentionRelationSpec.table.shape,
        "Attention-relation distillation from a local teacher; left out, none."),
    ])
}

/// The distillation loss on the teacher's distributions (RECIPE 4).
package struct DistillationLossSpec: Equatable, Sendable {
  /// Nil: the traces where there are any, else the local teacher.
  package var source: DistillationSource?
  package var weight: Double = 1
  package var temperature: Double = 1.3
  package var tauSquared: Bool = false
  package var divergence: Divergence = .forward

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "DistillationLoss", "The distillation loss on the teacher's distributions.",
    initial: DistillationLossSpec(),
    fields: [
      .optional(
        "source", \.source, .choice,
        "traces: Top-K + Other as collected; dense: the whole distribution of a local teacher. Left "
          + "out, the traces where there are any."),
      .field("weight", \.weight, .number(0...1e6), "Weight of the loss."),
      .field(
        "temperature", \.temperature, .number(above: 0, through: 100),
        "Divides both sides' log-probabilities, after the cells are formed."),
      .field(
        "tau_squared", \.tauSquared, .boolean, "Multiplies the loss by the temperature squared."),
      .field("divergence", \.divergence, .choice, "forward is KL(teacher || student)."),
    ])
}

/// Where the teacher's distributions come from.
package enum DistillationSource: String, CaseIterable, Sendable {
  case traces, dense
}

/// What is minimised between teacher and student.
package enum Divergence: String, CaseIterable, Sendable {
  case forward, reverse, jsd
}

/// The change from 8-bit to 4-bit activations (RECIPE 2).
package struct FlipSpec: Equatable, Sendable {
  package var enabled: Bool = false
  /// Share of the token budget after which it happens.
  package var fraction: Double = 0.9
  /// Nil: all target tokens of the training.
  package var tokenBudget: Int?
  /// A flip after which the loss rises by more is rolled back; nil never does.
  package var maxLossIncrease: Double?

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "Flip", "The change from 8-bit to 4-bit activations.", initial: FlipSpec(),
    fields: [
      .field("enabled", \.enabled, .boolean, "Whether it happens."),
      .field(
        "fraction", \.fraction, .number(0...1), "Share of the budget after which it happens."),
      .optional(
        "token_budget", \.tokenBudget, .integer(1...1_000_000_000_000_000),
        "Target tokens; left out, all of the training."),
      .optional(
        "max_loss_increase", \.maxLossIncrease, .number(0...1e6),
        "A flip after which the loss rises by more is rolled back; left out, never."),
    ])
}

/// What the forward pass keeps for the backward pass.
package struct ActivationSpec: Equatable, Sendable {
  /// Whether a block keeps its input only and is computed again in the backward pass; the bits are
  /// the same.
  package var checkpointing: Bool = false
  package var precision: ActivationPrecision = .fp32

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "Activations", "What the forward pass keeps for the backward pass.",
    initial: ActivationSpec(),
    fields: [
      .field(
        "checkpointing", \.checkpointing, .boolean,
        "Keeps the blocks' inputs only and computes each block again in the backward pass."),
      .field("precision", \.precision, .choice, "Of what is kept."),
    ])
}

/// The numbers that are kept for the backward pass.
package enum ActivationPrecision: String, CaseIterable, Sendable {
  case fp32, bf16
}

/// Which checkpoints are written and kept (RECIPE 9).
package struct CheckpointSpec: Equatable, Sendable {
  package var everySteps: Int = 200
  /// At least 2, so that one is good while the other is written.
  package var keepLast: Int = 2
  package var keepBest: Bool = false

  /// The defaults.
  package init() {}

  static let table = FieldTable(
    "CheckpointRule", "Which checkpoints are written and kept.", initial: CheckpointSpec(),
    fields: [
      .field(
        "every_steps", \.everySteps, .integer(1...1_000_000_000),
        "Steps between two; there is always one at the end."),
      .field(
        "keep_last", \.keepLast, .integer(2...1000),
        "Newest that are kept: two or more, so that one is whole while another is written."),
      .field("keep_best", \.keepBest, .boolean, "Also keeps that of the lowest validation loss."),
    ])
}
