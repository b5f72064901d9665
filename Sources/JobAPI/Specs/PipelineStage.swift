package import Jobs

/// The stages of pipelines, of all recipes, each one job.
package enum PipelineStage: String, CaseIterable, Sendable {
  // Distillation from traces.
  case pretrain, baseline, collect
  // BitNet Distillation.
  case base, teacher, convert, continued
  // Both.
  case direct, distill
  // BitNet Distillation's ablation: the distilled student without one of its parts.
  case withoutContinued = "without_continued"
  case withoutDistillation = "without_distillation"
  case logitsOnly = "logits_only"
  case relationsOnly = "relations_only"
  // Both.
  case eval, dryrun

  /// The kind of the stage's job.
  package var kind: JobKind {
    switch self {
    case .pretrain, .base, .teacher, .continued, .direct, .distill, .withoutContinued,
      .withoutDistillation, .logitsOnly, .relationsOnly:
      .train
    case .baseline: .teacher
    case .collect: .collect
    case .convert: .convert
    case .eval: .eval
    case .dryrun: .dryrun
    }
  }

  /// The stages of the ablation.
  package static let ablations: [PipelineStage] = [
    .withoutContinued, .withoutDistillation, .logitsOnly, .relationsOnly,
  ]

  /// Names of which a section's replaces the others' of what it is laid over.
  var exclusiveNames: [Set<String>] {
    let corpus: Set = ["path", "generator", "task"]
    switch self.kind {
    case .train:
      return [
        corpus, ["path", "model", "train"], ["preset", "init_from"], ["steps", "token_budget"],
        ["corpus", "traces"], ["layers", "sweep"],
      ]
    case .teacher: return [corpus, ["prompts", "corpus"]]
    case .collect: return [corpus, ["path", "model", "train"]]
    case .eval, .export, .convert: return [corpus]
    case .dryrun: return [["preset", "config"]]
    }
  }
}
