// Distillation from traces:
//
//   pretrain ─▶ baseline ─▶ collect ─┬▶ direct  ─┬▶ eval ─▶ dryrun
//                                    └▶ distill ─┘

internal import Jobs

extension PipelineRequest {
  static let tracesTable = FieldTable(
    "PipelineRequest",
    "A teacher trained on a corpus, its traces, students with and without them, their comparison.",
    initial: PipelineRequest(),
    fields: commonFields + [
      .field("recipe", \.recipe, .choice, "Without it, traces."),
      .required("corpus", \.corpus, .corpus(part: .train), "What all of it is about."),
      .field("tokenizer", \.tokenizer, .tokenizer, "That of the teacher and of the students."),
      section("teacher", "Laid over the train spec of the teacher."),
      section("baseline", "Laid over the teacher spec; false leaves the stage out.", .orFalse),
      section("collect", "Laid over the collect spec."),
      section(
        "student",
        "Laid over the train specs of both students; model.init_from may be \"teacher\"."),
      section(
        "direct", "Laid over the train spec of the student without a teacher; false: no such.",
        .orFalse),
      section("distill", "Laid over the train spec of the distilled student."),
      section("eval", "Laid over the eval spec."),
      section("dryrun", "Laid over the dryrun spec; false leaves the stage out.", .orFalse),
    ])

  /// What follows from the pipeline for a stage's spec.
  func tracesSkeleton(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> JSONValue {
    func reference(_ stage: PipelineStage) -> JSONValue {
      ids[stage].json { .string($0.text) }
    }
    switch stage {
    case .pretrain:
      return [
        "method": "pretrain", "model": ["preset": "demo", "quantization": "none"],
        "corpus": corpus(.train), "tokenizer": Shape.tokenizer.write(tokenizer),
      ]
    case .baseline:
      return ["teacher": ["model": reference(.pretrain)], "corpus": corpus(.test)]
    case .collect:
      return ["teacher": ["model": reference(.pretrain)], "corpus": corpus(.train)]
    case .direct:
      // The same sequences in the same order as the distilled student sees.
      return ["method": "direct", "model": Self.student, "traces": reference(.collect)]
    case .distill:
      return ["method": "distill", "model": Self.student, "traces": reference(.collect)]
    case .eval:
      return [
        "models": [
          "student": reference(.distill), "teacher": reference(.pretrain),
          "direct": reference(.direct),
        ], "corpus": corpus(.test),
      ]
    default: return [:]
    }
  }

  func tracesPredecessors(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> [JobID] {
    switch stage {
    case .baseline: [ids[.pretrain]].compactMap { $0 }
    case .collect: [ids[.baseline] ?? ids[.pretrain]].compactMap { $0 }
    case .direct, .distill: [ids[.collect]].compactMap { $0 }
    case .eval: [ids[.direct], ids[.distill]].compactMap { $0 }
    case .dryrun: [ids[.eval]].compactMap { $0 }
    default: []
    }
  }

  private static let student: JSONValue = [
    "preset": "demo", "quantization": "ternary", "sub_norm": true,
  ]

  private func corpus(_ part: CorpusPartName) -> JSONValue {
    let shape = Shape.corpus(part: part)
    return (["part": .string(part.rawValue)] as JSONValue)
      .laid(over: shape.write(corpus), exclusive: [])
  }
}
