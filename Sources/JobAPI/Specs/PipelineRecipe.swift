internal import Jobs

/// What a pipeline is made of.
package enum PipelineRecipe: String, CaseIterable, Sendable {
  /// A teacher's traces, a student trained on them, and one trained without.
  case traces
  /// BitNet Distillation: a full-precision model converted, pre-trained further and distilled for a
  /// task, beside full-precision and direct ternary fine-tuning (arXiv 2510.13998).
  case bitdistill

  /// The stages in the order in which they are submitted.
  func stages(of request: PipelineRequest) -> [PipelineStage] {
    let stages: [PipelineStage] =
      switch self {
      case .traces: [.pretrain, .baseline, .collect, .direct, .distill, .eval, .dryrun]
      case .bitdistill:
        (request.model == nil ? [.base] : []) + [.teacher, .convert, .continued, .direct, .distill]
          + (request.ablation ? PipelineStage.ablations : []) + [.eval]
      }
    return stages.filter { stage in
      // Without stage 2 there is nothing to leave out.
      if stage == .withoutContinued, request.sections["continued"] == false { return false }
      return sections(of: stage).allSatisfy { request.sections[$0] != false }
    }
  }

  /// The sections of the request that shape a stage, the later over the earlier.
  func sections(of stage: PipelineStage) -> [String] {
    switch stage {
    case .pretrain: ["teacher"]
    case .direct: ["student", "direct"]
    case .distill, .withoutContinued, .withoutDistillation, .logitsOnly, .relationsOnly:
      ["student", "distill"]
    case .baseline, .collect, .base, .teacher, .convert, .continued, .eval, .dryrun:
      [stage.rawValue]
    }
  }

  /// The fields of a request of this recipe.
  var table: FieldTable<PipelineRequest> {
    switch self {
    case .traces: PipelineRequest.tracesTable
    case .bitdistill: PipelineRequest.bitDistillTable
    }
  }
}
