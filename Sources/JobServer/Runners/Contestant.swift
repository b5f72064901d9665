internal import Evaluation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Tokenization
internal import Transformer

/// One model at one width of activations, as an evaluation compares it.
struct Contestant {
  /// As the report calls it.
  let name: String
  let model: InferenceModel
  /// nil for a model in full precision.
  let bits: ActivationBits?
  let tokenizer: Tokenizer
  let source: String

  /// What is known of it before anything runs.
  var facts: EvaluationReport.Model {
    var facts = EvaluationReport.Model()
    facts.source = source
    facts.parameters = model.configuration.parameterCount
    facts.activationBits = bits?.rawValue
    facts.weightBytes = model.bytes.projections + model.bytes.norms
    facts.embeddingBytes = model.bytes.embeddings
    return facts
  }

  /// Sets the model to this width of activations.
  func prepare() {
    if let bits { model.activationBits = bits }
  }

  /// The models of a spec, the teacher first.
  ///
  /// - Parameter report: is told whose turn it is to be read.
  /// - Throws: `Problem` for a model that is not there, or that has another tokenizer.
  static func all(
    _ models: EvalModels, _ environment: JobEnvironment, report: (String) -> Void
  ) throws -> [Contestant] {
    var contestants: [Contestant] = []
    func add(_ role: Role, _ reference: ModelReference) throws {
      report(role.name)
      let record = try environment.modelRecord(reference)
      let tokenizer = try ModelFolder.tokenizer(in: environment.folder.url(record.path))
      if let first = contestants.first, first.tokenizer.sha256 != tokenizer.sha256 {
        throw Problem(
          type: "urn:bitnet:problem:mismatch", title: "The models have different tokenizers",
          detail: "\(first.name)'s has SHA-256 \(first.tokenizer.sha256), \(role.name)'s "
            + tokenizer.sha256)
      }
      let model = try environment.packedModel(record)
      let isTernary = model.configuration.quantization == .ternary
      let widths: [ActivationBits?] =
        !isTernary ? [nil] : role.hasBothWidths ? [.eight, .four] : [.eight]
      for bits in widths {
        contestants.append(
          Contestant(
            name: role.name + (role.hasBothWidths ? "_a\(bits?.rawValue ?? 8)" : ""),
            model: model, bits: bits, tokenizer: tokenizer, source: reference.text))
      }
    }
    if let teacher = models.teacher {
      try add(Role(name: EvaluationReport.teacher, hasBothWidths: false), teacher)
    }
    if let direct = models.direct { try add(Role(name: "direct", hasBothWidths: true), direct) }
    for (name, reference) in models.others.sorted(by: { $0.key < $1.key }) {
      try add(Role(name: name, hasBothWidths: false), reference)
    }
    try add(Role(name: "distilled", hasBothWidths: true), models.student)
    return contestants
  }

  /// What a model is in the comparison. Some stand under their own name, whatever they are; the
  /// students are judged at both widths.
  private struct Role {
    let name: String
    let hasBothWidths: Bool
  }
}

extension EvalModels {
  /// The names that the models can have in the report; whether a student is ternary, and so judged
  /// at both widths, is known only once it was read.
  var reportNames: [String] {
    (teacher == nil ? [] : [EvaluationReport.teacher])
      + (direct == nil ? [] : ["direct_a8", "direct_a4"])
      + others.keys.sorted() + ["distilled_a8", "distilled_a4"]
  }
}
