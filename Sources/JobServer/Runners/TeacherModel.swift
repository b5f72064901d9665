internal import Checkpoints
internal import Distillation
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Teachers
internal import Tokenization
internal import Transformer

/// A model on disk that is to run beside a student.
struct TeacherModel {
  private let folder: URL
  private let tokenizer: Tokenizer
  let configuration: ModelConfiguration
  /// SHA-256 of its weights, or of what says which they are.
  let fingerprint: String

  /// Reads all but the weights.
  ///
  /// - Throws: `Problem` when there is no such model, or it is not one of full precision.
  init(_ reference: ModelReference, environment: JobEnvironment) throws {
    let record = try environment.modelRecord(reference)
    folder = environment.folder.url(record.path)
    fingerprint = record.fingerprint
    configuration = try ModelFolder.configuration(in: folder)
    tokenizer = try ModelFolder.tokenizer(in: folder)
    guard configuration.quantization == .none else {
      throw Problem(
        type: "urn:bitnet:problem:mismatch", title: "The teacher cannot run beside a student",
        detail: "teacher \(reference.text) is ternary: name a model of full precision")
    }
  }

  /// Refuses a student that the teacher cannot teach, before any work.
  func check(fits tokenizer: Tokenizer, _ student: ModelConfiguration) throws {
    let detail: String? =
      if configuration.vocabSize != student.vocabSize {
        "the teacher's vocab_size is \(configuration.vocabSize), the student's is "
          + "\(student.vocabSize): beside each other they must share a vocabulary; collect traces, "
          + "which can be brought to another tokenizer, and distil from them"
      } else if tokenizer.sha256 != self.tokenizer.sha256 {
        "the teacher's tokenizer is another than the student's (SHA-256 "
          + "\(self.tokenizer.sha256.prefix(12))… and \(tokenizer.sha256.prefix(12))…): beside each "
          + "other they must share it; collect traces, and distil from them"
      } else {
        nil
      }
    guard let detail else { return }
    throw Problem(
      type: "urn:bitnet:problem:mismatch", title: "Teacher and student do not fit", detail: detail)
  }

  /// Refuses attention relations between layers or widths that do not fit, before any work.
  func check(_ losses: LossWeights, _ student: ModelConfiguration) throws {
    guard let relations = losses.ad else { return }
    do {
      _ = try AttentionRelationLoss.scratchBytes(
        student: student, teacher: configuration, options: relations.options, maximumRows: 1,
        maximumLength: 1, team: .shared)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:mismatch", title: "Teacher and student do not fit",
        detail: "losses.\(error)")
    }
  }

  /// Loads the weights.
  ///
  /// - Parameter recipe: whose batches the teacher must take, and whose products say how weights are
  ///   kept: under bf16 in bf16, which halves what they take.
  func load(for recipe: TrainingRecipe, team: ComputeTeam) throws -> CompanionTeacher {
    let weights = try ModelFolder.checkedWeights(in: folder, for: configuration)
    let precision: ProductPrecision = recipe.precision == .bf16 ? .bf16 : .fp32
    let stored = try StoredWeights(
      weights, configuration: configuration, storage: precision == .bf16 ? .bf16 : nil, team: team)
    return try CompanionTeacher(
      weights: stored, maximumSequences: recipe.batchSize, maximumLength: recipe.sequenceLength,
      precision: precision, team: team)
  }

  /// What it will take, for the memory that a training needs.
  func memory(for recipe: TrainingRecipe) -> TrainingMemory.Teacher {
    let bytes = CompanionTeacher.memoryBytes(
      configuration,
      weightBytes: configuration.parameterCount * (recipe.precision == .bf16 ? 2 : 4),
      sequences: recipe.batchSize, length: recipe.sequenceLength)
    return TrainingMemory.Teacher(configuration: configuration, bytes: bytes)
  }
}
