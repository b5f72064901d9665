// BitNet Distillation (arXiv 2510.13998):
//
//   base ─┬▶ teacher ───────────────────┬▶ distill, and the ablation ─┬▶ eval
//         ├▶ convert ─▶ continued ──────┘                             │
//         └▶ direct ──────────────────────────────────────────────────┘
//
// `base` is left out when the request names a model.

internal import Jobs

extension PipelineRequest {
  static let bitDistillTable = FieldTable(
    "BitDistillRequest",
    "A full-precision model becomes a ternary student for a task: conversion, continued "
      + "pre-training, distillation from the fine-tuned model, and the two baselines.",
    initial: PipelineRequest(recipe: .bitdistill),
    check: { request, pointer in
      request.model == nil && request.sections["base"] == nil
        ? [pointer.fault("one of \"model\", \"base\" is required: what becomes ternary")] : []
    },
    fields: commonFields + [
      .required("recipe", \.recipe, .choice, "bitdistill."),
      .required("task", \.task, .corpus(part: .train), "What is learnt: a task, or pairs."),
      .required(
        "evaluation", \.evaluation, TaskCorpus.table(part: .test).shape,
        "The task's file by which all models are judged."),
      .required(
        "corpus", \.corpus, .corpus(part: .train),
        "The text of continued pre-training, and of the base when one is trained."),
      .optional(
        "model", \.model, .modelReference, "The full-precision model; left out, base trains one."),
      .field("tokenizer", \.tokenizer, .tokenizer, "That of the base when one is trained."),
      .field("seed", \.seed, .seed, "Of all trainings."),
      .field(
        "ablation", \.ablation, .boolean,
        "Also distils without stage 2, without a teacher, with logits only and with relations only."
      ),
      section("base", "Laid over the train spec of the base."),
      section("teacher", "Laid over the train spec of full-precision fine-tuning."),
      section("convert", "Laid over the convert spec."),
      section(
        "continued", "Laid over the train spec of continued pre-training; false leaves it out.",
        .orFalse),
      section("student", "Laid over the train specs of direct and distill."),
      section(
        "direct", "Laid over the train spec of direct ternary fine-tuning; false: no such.",
        .orFalse),
      section("distill", "Laid over the train spec of the distillation, and of the ablation's."),
      section("eval", "Laid over the eval spec."),
    ])

  /// What follows from the pipeline for a stage's spec.
  func bitDistillSkeleton(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> JSONValue {
    func reference(_ stage: PipelineStage) -> JSONValue {
      ids[stage].json { .string($0.text) }
    }
    let baseText = ids[.base]?.text ?? model?.text
    let base = baseText.json { .string($0) }
    let seed = JSONValue.int(Int64(seed))
    let text = Shape.corpus(part: .train).write(corpus)
    let task = Shape.corpus(part: .train).write(task)
    switch stage {
    case .base:
      return [
        "method": "pretrain", "model": ["preset": "demo", "quantization": "none"], "corpus": text,
        "tokenizer": Shape.tokenizer.write(tokenizer), "seed": seed,
      ]
    case .teacher:
      return [
        "method": "direct", "model": ["init_from": base], "corpus": task, "seed": seed,
      ]
    case .convert: return ["model": base, "corpus": text]
    case .continued:
      return [
        "method": "pretrain", "model": ["init_from": reference(.convert)], "corpus": text,
        "seed": seed,
      ]
    case .direct:
      // As it is usually done: no norm is added, only the projections become ternary.
      return [
        "method": "direct", "model": ["init_from": base, "quantization": "ternary"],
        "corpus": task, "seed": seed,
      ]
    case .distill, .withoutContinued, .withoutDistillation, .logitsOnly, .relationsOnly:
      let isContinued = stage != .withoutContinued && ids[.continued] != nil
      return [
        "method": "distill", "model": ["init_from": reference(isContinued ? .continued : .convert)],
        "teacher": reference(.teacher), "corpus": task, "losses": ["ad": .object([:])],
        "seed": seed,
      ]
    case .eval:
      let others = PipelineStage.ablations.compactMap { stage in
        ids[stage].map { (stage.rawValue, JSONValue.string($0.text)) }
      }
      return [
        "models": [
          "student": reference(.distill), "teacher": reference(.teacher),
          "direct": reference(.direct), "others": .object(JSONObject(others)),
        ], "tasks": [TaskCorpus.table(part: .test).write(evaluation)],
      ]
    default: return [:]
    }
  }

  /// What an ablation takes away, whatever the sections say.
  func ablated(_ stage: PipelineStage) -> JSONValue? {
    switch stage {
    case .withoutDistillation:
      ["method": "direct", "teacher": .null, "losses": .null, "on_policy": .null]
    case .logitsOnly: ["losses": ["ad": .null]]
    // What the student writes only the logits can judge.
    case .relationsOnly: ["losses": ["kd": ["weight": 0]], "on_policy": .null]
    default: nil
    }
  }

  func bitDistillPredecessors(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> [JobID] {
    let before: [PipelineStage] =
      switch stage {
      case .base: []
      case .teacher, .convert, .direct: [.base]
      case .continued: [.convert]
      case .withoutContinued: [.teacher, .convert]
      case .eval: [.teacher, .direct, .distill] + PipelineStage.ablations
      default: [.teacher, ids[.continued] == nil ? .convert : .continued]
      }
    return before.compactMap { ids[$0] }
  }
}
