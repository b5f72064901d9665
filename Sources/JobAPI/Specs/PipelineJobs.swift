package import Jobs

/// The jobs of one pipeline, by role; nil for a role that it left out.
package struct PipelineJobs: Equatable, Sendable {
  /// The training of the teacher.
  package var pretrain: JobID?
  package var teacher: JobID?
  package var collect: JobID?
  /// The student trained without the teacher.
  package var direct: JobID?
  package var distill: JobID?
  package var eval: JobID?
  package var dryrun: JobID?

  /// No jobs.
  package init() {}

  static let table = FieldTable(
    "PipelineJobs", "The jobs of one pipeline, by role.", initial: PipelineJobs(),
    fields: [
      .optional("pretrain", \.pretrain, .jobID, "The training of the teacher."),
      .optional("teacher", \.teacher, .jobID, "The teacher's baseline."),
      .optional("collect", \.collect, .jobID, "The traces."),
      .optional("direct", \.direct, .jobID, "The student trained without the teacher."),
      .optional("distill", \.distill, .jobID, "The distilled student."),
      .optional("eval", \.eval, .jobID, "The comparison."),
      .optional("dryrun", \.dryrun, .jobID, "The run at full scale."),
    ])
}
