/// Who is asked.
package struct TeacherSource: Equatable, Sendable {
  package var provider: TeacherProvider = .local
  /// The model that answers.
  package var model: ModelReference
  package var terms: TeacherTerms = .unknown

  /// A local teacher.
  package init(model: ModelReference, terms: TeacherTerms = .unknown) {
    self.model = model
    self.terms = terms
  }

  static let table = FieldTable(
    "TeacherSource", "Who is asked.", initial: TeacherSource(model: .unread),
    fields: [
      .field("provider", \.provider, .choice, "Where the teacher runs; local: in this daemon."),
      .required("model", \.model, .modelReference, "The model that answers."),
      .field(
        "terms", \.terms, .choice, "Whether its owner allows training on what it says; recorded."),
    ])
}

/// Where a teacher runs.
package enum TeacherProvider: String, CaseIterable, Sendable {
  /// A checkpoint in this process.
  case local
}

/// Whether a teacher's owner allows training on its output.
package enum TeacherTerms: String, CaseIterable, Sendable {
  case allowed, unknown
}
