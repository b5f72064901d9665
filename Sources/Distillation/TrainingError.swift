/// Why training cannot start or go on.
package enum TrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The recipe contradicts itself or the model; every problem names its field.
  case invalidRecipe([String])
  /// The data cannot be trained on.
  case unusableData(String)
  /// A number is NaN or infinite; the parameters are those of the step before. `operation` is the
  /// first of the step that gave one, nil when a repetition did not meet it.
  case notFinite(step: Int, tensor: String, operation: String?)
  /// The caller asked to stop; the parameters are those of the step before.
  case cancelled
  /// A checkpoint belongs to another run.
  case mismatch([Mismatch])
  /// A checkpoint cannot be read or written.
  case checkpoint(String)

  /// What a checkpoint and a run disagree about.
  package struct Mismatch: Equatable, Sendable {
    /// What it is: `spec hash`, `trace fingerprint`, `tokenizer`, a recipe's field.
    package let subject: String
    /// What the checkpoint says.
    package let checkpoint: String
    /// What the run asks for.
    package let run: String

    /// - Parameters: as the properties.
    package init(_ subject: String, checkpoint: String, run: String) {
      self.subject = subject
      self.checkpoint = checkpoint
      self.run = run
    }
  }

  package var description: String {
    switch self {
    case .invalidRecipe(let problems): "the recipe cannot run: " + problems.joined(separator: "; ")
    case .unusableData(let reason): "the data cannot be trained on: \(reason)"
    case .notFinite(let step, let tensor, let operation):
      "step \(step): \(tensor) is not finite"
        + (operation.map { "; the first operation that gave such a number is \($0)" } ?? "")
    case .cancelled: "training was stopped"
    case .mismatch(let differences):
      "the checkpoint belongs to another run: "
        + differences.map {
          "its \($0.subject) is \($0.checkpoint), this run's is \($0.run)"
        }.joined(separator: "; ")
    case .checkpoint(let reason): reason
    }
  }
}
