/// What a job does.
package enum JobKind: String, CaseIterable, Codable, Sendable {
  /// A locked, greedy baseline of a teacher.
  case teacher
  /// Traces of a teacher over a corpus.
  case collect
  /// A full-precision model made ready to become a student: SubLN, ternary projections.
  case convert
  /// A student from traces or text, or a teacher from text.
  case train
  /// Held-out metrics, tasks and gates.
  case eval
  /// A forward-only run at full scale.
  case dryrun
  /// A model in another format.
  case export
}

/// What a job mostly waits for; each class has its own slots in the pool.
package enum JobSlot: String, CaseIterable, Codable, Sendable {
  /// The processor: few at a time.
  case compute
  /// A network: many at a time.
  case io
}
