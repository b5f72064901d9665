internal import Jobs

/// A training: a teacher from text, or a student from text or traces.
///
/// The defaults are the initial values here and in TrainSpecParts.swift; they follow RECIPE 3-5
/// and 8.
package struct TrainSpec: Equatable, Sendable {
  package var method: TrainMethod
  package var model: ModelSource
  /// What `pretrain` learns from, and `direct` unless it has traces.
  package var corpus: CorpusSource?
  /// What `distill` learns from, without a local teacher.
  package var traces: TraceReference?
  /// A model that runs beside the student.
  package var teacher: ModelReference?
  /// Nil takes that of the traces, or of the model that the training starts from.
  package var tokenizer: TokenizerSource?
  /// Longest sequence in tokens.
  package var sequenceLength: Int = 256
  /// Sequences of one forward pass.
  package var batchSize: Int = 8
  /// Forward passes of one step.
  package var gradientAccumulation: Int = 1
  package var length: TrainingLength = .steps(1000)
  package var optimizer = OptimizerSpec()
  package var schedule = ScheduleSpec()
  package var losses = LossSpec()
  /// Nil: the student never writes what it learns from.
  package var onPolicy: OnPolicySpec?
  package var flip = FlipSpec()
  /// Nil: quantization counts entirely from the first step on.
  package var quantizationRamp: QuantizationRampSpec?
  package var precision: TrainingPrecision = .bf16
  package var activations = ActivationSpec()
  /// Whether activations are rotated before the quantizers that need it at four bits; nil does
  /// so when a flip is planned, or when the model that the training starts from does.
  package var hadamard: Bool?
  package var checkpoint = CheckpointSpec()
  package var seed: UInt64 = 1
  /// Steps between two points of the metrics.
  package var logEvery: Int = 10
  /// Where there are prompts, whether they count; of plain text all counts.
  package var lossOn: LossScope = .completion

  /// A training with the defaults of its method.
  package init(method: TrainMethod = .pretrain, model: ModelSource = .preset(PresetModel())) {
    self.method = method
    self.model = model
    losses = method == .distill ? LossSpec() : .crossEntropyOnly
  }

  /// Where the teacher's distributions come from, once `nil` is decided.
  package var distillationSource: DistillationSource {
    losses.kd.source ?? (traces == nil && teacher != nil ? .dense : .traces)
  }

  static let table = FieldTable(
    "TrainSpec", "A training: a teacher from text, or a student from text or traces.",
    initial: TrainSpec(method: .distill),
    prepare: { object, spec in
      // Losses other than cross-entropy need a teacher's signal, so their default weight is 0
      // where there is none. Settings of the daemon may have changed the temperature: it stays.
      let method = object["method"]?.stringValue.flatMap { TrainMethod(rawValue: $0) }
      guard let method else { return }
      if method == .distill {
        if object["teacher"] != nil, object["traces"] == nil { spec.losses = .besideTeacher }
        return
      }
      let standard = LossSpec.crossEntropyOnly
      spec.losses.kd.weight = standard.kd.weight
      spec.losses.crossEntropy = standard.crossEntropy
      spec.losses.format = standard.format
    },
    check: { spec, pointer in spec.faults(at: pointer) },
    fields: [
      .required("method", \.method, .choice, "What is learnt from what."),
      .required("model", \.model, .model, "What the training starts from."),
      .optional(
        "corpus", \.corpus, .corpus(part: .train),
        "What pretrain learns from, direct unless it has traces, and distill beside a teacher."),
      .optional("traces", \.traces, .traceReference, "What distill learns from."),
      .optional(
        "teacher", \.teacher, .modelReference,
        "A local model that runs beside the student: distill learns from its whole distribution "
          + "over a corpus, and from its attention."),
      .optional(
        "tokenizer", \.tokenizer, .tokenizer,
        "Left out, that of the traces, or of the model that the training starts from."),
      .field(
        "sequence_length", \.sequenceLength, .integer(2...1_048_576),
        "Longest sequence in tokens; longer ones are cut."),
      .field("batch_size", \.batchSize, .integer(1...65_536), "Sequences of one forward pass."),
      .field(
        "gradient_accumulation", \.gradientAccumulation, .integer(1...65_536),
        "Forward passes of one step."),
      TrainingLength.field,
      .field("optimizer", \.optimizer, OptimizerSpec.table.shape, "AdamW."),
      .field("schedule", \.schedule, ScheduleSpec.table.shape, "The learning rate over the steps."),
      .field(
        "losses", \.losses, LossSpec.table.shape,
        "Weights of the losses. Without distillation the defaults are kd.weight 0, ce 1, format 0; "
          + "beside a local teacher kd.weight 10, kd.temperature 5, ce 1, format 0."),
      .optional(
        "on_policy", \.onPolicy, OnPolicySpec.table.shape,
        "Lets the student write answers that the teacher scores; left out, never."),
      .field("flip", \.flip, FlipSpec.table.shape, "From 8-bit to 4-bit activations on the way."),
      .optional(
        "quantization_ramp", \.quantizationRamp, QuantizationRampSpec.table.shape,
        "Ramps the strength of quantization up from 0; left out, it is there from the first step."),
      .field("precision", \.precision, .choice, "Of the products of the backward pass."),
      .field(
        "activations", \.activations, ActivationSpec.table.shape,
        "What the forward pass keeps for the backward pass: less memory for more time."),
      .optional(
        "hadamard", \.hadamard, .boolean,
        "Rotates activations before the 4-bit quantizers that need it; left out, where flip.enabled is"
          + " set or the model that the training starts from has it."),
      .field(
        "checkpoint", \.checkpoint, CheckpointSpec.table.shape, "When and which are kept."),
      .field("seed", \.seed, .seed, "Of weights and order of data."),
      .field(
        "log_every", \.logEvery, .integer(1...1_000_000),
        "Steps between two points of the metrics."),
      .field(
        "loss_on", \.lossOn, .choice,
        "Where there are prompts, whether they count; of plain text all counts."),
    ])

  private func faults(at pointer: JSONPointer) -> [FieldError] {
    var faults: [FieldError] = []
    let corpusPlace = pointer.member("corpus")
    let tracesPlace = pointer.member("traces")
    switch (method, corpus, traces) {
    case (.pretrain, nil, _): faults.append(corpusPlace.fault("is required to pretrain"))
    case (.direct, nil, nil):
      faults.append(pointer.fault("direct training needs \"corpus\" or \"traces\""))
    case (.direct, .some, .some):
      faults.append(tracesPlace.fault("give only one of \"corpus\", \"traces\""))
    case (.distill, nil, nil):
      faults.append(
        teacher == nil
          ? tracesPlace.fault("is required to distill, or \"teacher\" and \"corpus\"")
          : corpusPlace.fault("is required to distill beside a teacher"))
    case (.distill, .some, .some):
      faults.append(corpusPlace.fault("give only one of \"corpus\", \"traces\""))
    default: break
    }
    if method == .pretrain, traces != nil {
      faults.append(tracesPlace.fault("pretrain learns from a corpus, not from traces"))
    }
    if method == .distill, corpus != nil, traces == nil, teacher == nil {
      faults.append(
        pointer.member("teacher").fault("is required to distill over a corpus; or give \"traces\""))
    }
    faults += teacherFaults(at: pointer)
    if case .preset = model, tokenizer == nil, traces == nil, corpus != nil {
      faults.append(
        pointer.member("tokenizer").fault("is required for a new model that learns from a corpus"))
    }
    if case .trained = tokenizer, corpus == nil {
      faults.append(
        pointer.member("tokenizer").member("train").fault("needs a corpus to be trained on"))
    }
    return faults
  }

  /// What needs a model beside the student, and what such a model needs.
  private func teacherFaults(at pointer: JSONPointer) -> [FieldError] {
    var faults: [FieldError] = []
    let losses = pointer.member("losses")
    let source = losses.member("kd").member("source")
    if teacher != nil, method != .distill {
      faults.append(
        pointer.member("teacher").fault(
          "only distill learns from a teacher, not \(method.rawValue)"))
    }
    if onPolicy != nil, teacher == nil || distillationSource != .dense || self.losses.kd.weight == 0
    {
      faults.append(
        pointer.member("on_policy").fault(
          "needs \"teacher\", and losses.kd with source dense and a weight above 0"))
    }
    if self.losses.kd.source == .dense, teacher == nil {
      faults.append(source.fault("dense needs \"teacher\""))
    }
    if self.losses.kd.source == .traces, traces == nil {
      faults.append(source.fault("traces needs \"traces\""))
    }
    if self.losses.attentionRelations != nil, teacher == nil {
      faults.append(losses.member("ad").fault("needs \"teacher\": traces hold no attention"))
    }
    return faults
  }
}

/// What is learnt from what.
package enum TrainMethod: String, CaseIterable, Sendable {
  /// Next tokens of a corpus, from full-precision or ternary random weights.
  case pretrain
  /// The same for a student that is compared with a distilled one: the baseline.
  case direct
  /// The distributions of a teacher, from its traces or as it runs beside the student.
  case distill
}

/// What the products of the backward pass are computed in.
package enum TrainingPrecision: String, CaseIterable, Sendable {
  case fp32, bf16, fp16
}

/// What of a prompt and completion pair counts.
package enum LossScope: String, CaseIterable, Sendable {
  case all, completion
}
