/// A figure that tells how well a task was done. Shares are 0 to 1, BLEU is 0 to 100.
package enum TaskMetric: String, CaseIterable, Sendable {
  /// Share of examples whose label or option was found the most probable.
  case accuracy
  /// The same for options, each log-probability divided by the option's length in bytes.
  case accuracyNorm = "accuracy_norm"
  /// F1 of the positive one of two labels.
  case f1
  /// Mean of all labels' F1.
  case macroF1 = "macro_f1"
  /// Matthews' correlation, −1 to 1.
  case matthews
  /// Share of answers equal to the expected text, white space around them aside.
  case exactMatch = "exact_match"
  /// BLEU of all answers.
  case bleu
  /// Means of ROUGE's F-measure.
  case rouge1, rouge2, rougeL, rougeLsum
  /// Share of answers that are one JSON value.
  case jsonValid = "json_valid"
  /// Share of answers that match the description's schema.
  case schemaValid = "schema_valid"

  /// What kind of answer a metric judges.
  enum Kind: String { case labels, choices, text }

  /// The kinds of answers that have this figure.
  var kinds: [Kind] {
    switch self {
    case .accuracy: [.labels, .choices]
    case .accuracyNorm: [.choices]
    case .f1, .macroF1, .matthews: [.labels]
    case .exactMatch, .bleu, .rouge1, .rouge2, .rougeL, .rougeLsum, .jsonValid, .schemaValid:
      [.text]
    }
  }
}
