package import Jobs

/// The jobs of one pipeline, by role; nil for a role that it left out.
package struct PipelineJobs: Equatable, Sendable {
  /// BitNet Distillation: the training of the model that becomes ternary.
  package var base: JobID?
  /// BitNet Distillation: the full-precision fine-tuning, which makes the teacher.
  package var fineTuning: JobID?
  /// The training of the teacher.
  package var pretrain: JobID?
  package var teacher: JobID?
  package var collect: JobID?
  /// BitNet Distillation: the conversion, and the continued pre-training.
  package var convert: JobID?
  package var continued: JobID?
  /// The student trained without the teacher.
  package var direct: JobID?
  package var distill: JobID?
  /// BitNet Distillation's ablation.
  package var withoutContinued: JobID?
  package var withoutDistillation: JobID?
  package var logitsOnly: JobID?
  package var relationsOnly: JobID?
  package var eval: JobID?
  package var dryrun: JobID?

  /// No jobs.
  package init() {}

  static let table = FieldTable(
    "PipelineJobs", "The jobs of one pipeline, by role.", initial: PipelineJobs(),
    fields: [
      .optional("base", \.base, .jobID, "The training of the model that becomes ternary."),
      .optional(
        "fine_tuning", \.fineTuning, .jobID,
        "The full-precision fine-tuning, which makes the teacher."),
      .optional("pretrain", \.pretrain, .jobID, "The training of the teacher."),
      .optional("teacher", \.teacher, .jobID, "The teacher's baseline."),
      .optional("collect", \.collect, .jobID, "The traces."),
      .optional("convert", \.convert, .jobID, "The conversion."),
      .optional("continued", \.continued, .jobID, "The continued pre-training."),
      .optional("direct", \.direct, .jobID, "The student trained without the teacher."),
      .optional("distill", \.distill, .jobID, "The distilled student."),
      .optional(
        "without_continued", \.withoutContinued, .jobID,
        "The student distilled without continued pre-training."),
      .optional(
        "without_distillation", \.withoutDistillation, .jobID,
        "The student fine-tuned without a teacher."),
      .optional(
        "logits_only", \.logitsOnly, .jobID, "The student distilled without attention relations."),
      .optional(
        "relations_only", \.relationsOnly, .jobID, "The student distilled without logits."),
      .optional("eval", \.eval, .jobID, "The comparison."),
      .optional("dryrun", \.dryrun, .jobID, "The run at full scale."),
    ])
}
