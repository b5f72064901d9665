// One request that becomes a chain of jobs:
//
//   pretrain ─▶ baseline ─▶ collect ─┬▶ direct  ─┬▶ eval ─▶ dryrun
//                                    └▶ distill ─┘
//
// Each stage's spec is built from what the pipeline says once (the corpus, the tokenizer, who
// uses whose model), and the stage's own section is laid over it. The specs are then read as any
// other, so a section can say whatever a spec of its kind can, and its faults are named in it.

package import Jobs

/// The stages of a pipeline, in the order in which they are submitted.
package enum PipelineStage: String, CaseIterable, Sendable {
  case pretrain, baseline, collect, direct, distill, eval, dryrun

  /// The kind of the stage's job.
  package var kind: JobKind {
    switch self {
    case .pretrain, .direct, .distill: .train
    case .baseline: .teacher
    case .collect: .collect
    case .eval: .eval
    case .dryrun: .dryrun
    }
  }

  /// The sections of the request that shape the stage, the later over the earlier.
  var sections: [String] {
    switch self {
    case .pretrain: ["teacher"]
    case .baseline: ["baseline"]
    case .collect: ["collect"]
    case .direct: ["student", "direct"]
    case .distill: ["student", "distill"]
    case .eval: ["eval"]
    case .dryrun: ["dryrun"]
    }
  }

  /// Names of which a section's replaces the others' of what it is laid over.
  fileprivate var exclusiveNames: [Set<String>] {
    let corpus: Set = ["path", "generator"]
    switch self.kind {
    case .train:
      return [
        corpus, ["path", "model", "train"], ["preset", "init_from"], ["steps", "token_budget"],
        ["corpus", "traces"],
      ]
    case .teacher: return [corpus, ["prompts", "corpus"]]
    case .collect: return [corpus, ["path", "model", "train"]]
    case .convert, .eval, .export: return [corpus]
    case .dryrun: return [["preset", "config"]]
    }
  }
}

/// The jobs that a pipeline request stands for.
package struct PipelineSpec: Equatable, Sendable {
  /// In the order of the stages; each names the jobs that it comes after.
  package var jobs: [NewJob]
  /// Their ids, by stage.
  package var ids: [PipelineStage: JobID]

  /// Reads a request strictly.
  ///
  /// - Parameters:
  ///   - defaults: what a field that a spec leaves out means.
  ///   - makeID: a new id for each job, rising.
  ///   - check: deeper checks of a spec, with pointers from the spec's root.
  /// - Throws: every fault at once.
  package init(
    _ json: JSONValue, defaults: SpecDefaults, makeID: () -> JobID,
    check: (JobSpec) -> [FieldError] = { _ in [] }
  ) throws(SpecError) {
    var errors: [FieldError] = []
    let request = PipelineRequest.table.partial(json, base: nil, at: .root, errors: &errors)
    guard case .object = json else { throw SpecError(errors) }
    let stages = PipelineStage.allCases.filter { request.includes($0) }
    ids = Dictionary(uniqueKeysWithValues: stages.map { ($0, makeID()) })
    jobs = []
    for stage in stages {
      guard let id = ids[stage] else { continue }
      let json = request.spec(of: stage, ids: ids, isLast: stage == stages.last)
      var faults: [FieldError] = []
      let spec = JobSpec.read(
        kind: stage.kind, from: json, defaults: defaults, at: .root, errors: &faults)
      if let spec, faults.isEmpty { faults = check(spec) }
      errors += faults.map { request.locate($0, in: stage) }.filter { !errors.contains($0) }
      guard let spec else { continue }
      jobs.append(request.job(id, stage, spec, ids: ids))
    }
    guard errors.isEmpty else { throw SpecError(errors) }
  }

  /// The JSON Schema of the request.
  package static var schema: JSONValue { PipelineRequest.table.schema }
}

/// The body of `POST /v1/pipelines`, before its sections are read.
private struct PipelineRequest: Sendable {
  var name: String = "pipeline"
  var priority: Int = 0
  var tags: [String: String] = [:]
  var maxAttempts: Int = 3
  var corpus: CorpusSource = .generated(GeneratedCorpus())
  var tokenizer: TokenizerSource = .trained(vocabularySize: 2048)
  var sections: [String: JSONValue] = [:]

  static let table = FieldTable(
    "PipelineRequest",
    "A teacher trained on a corpus, its traces, students with and without them, their comparison.",
    initial: PipelineRequest(),
    fields: [
      .field("name", \.name, .text(1...150), "Begins the jobs' names."),
      .field("priority", \.priority, .integer(-1000...1000), "Of all its jobs."),
      .field("tags", \.tags, .tags, "Of all its jobs."),
      .field("max_attempts", \.maxAttempts, .integer(1...100), "Of each of its jobs."),
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

  private enum SectionForm {
    case object, orFalse
  }

  private static func section(
    _ name: String, _ documentation: String, _ form: SectionForm = .object
  ) -> Field<PipelineRequest> {
    let object: JSONValue = ["type": "object"]
    let shape = Shape<JSONValue>(
      form == .object ? "an object" : "an object, or false",
      schema: form == .object ? object : ["anyOf": [object, ["const": false]]],
      parse: { json in
        if case .object = json { return json }
        return form == .orFalse && json == false ? json : nil
      }, write: { $0 })
    return Field(
      names: [name], requiredNames: [], exclusions: [],
      read: { object, request, pointer, errors in
        guard let json = object[name] else { return }
        request.sections[name] = shape.read(json, nil, pointer.member(name), &errors)
      },
      write: { request in request.sections[name].map { [(name, $0)] } ?? [] },
      properties: { _ in [(name, shape.schema.documented(documentation, standard: nil))] })
  }

  func includes(_ stage: PipelineStage) -> Bool {
    stage.sections.allSatisfy { sections[$0] != false }
  }

  /// The stage's spec: what follows from the pipeline, and its sections over it.
  func spec(of stage: PipelineStage, ids: [PipelineStage: JobID], isLast: Bool) -> JSONValue {
    var spec = skeleton(of: stage, ids: ids)
    for name in stage.sections {
      guard let section = sections[name] else { continue }
      spec = section.laid(over: spec, exclusive: stage.exclusiveNames)
    }
    spec = withTeacherNamed(spec, ids: ids)
    if isLast, case .object(var object) = spec, stage == .eval || stage == .dryrun {
      object["pipeline"] = PipelineJobs.table.write(PipelineJobs(ids))
      spec = .object(object)
    }
    return spec
  }

  private func skeleton(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> JSONValue {
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
    case .dryrun: return [:]
    }
  }

  /// A student may start from the pipeline's own teacher, whose job has no id yet when the request
  /// is written: `"init_from": "teacher"`.
  private func withTeacherNamed(_ spec: JSONValue, ids: [PipelineStage: JobID]) -> JSONValue {
    guard spec["model"]?["init_from"] == "teacher", let teacher = ids[.pretrain],
      case .object(var object) = spec, case .object(var model)? = object["model"]
    else { return spec }
    model["init_from"] = .string(teacher.text)
    object["model"] = .object(model)
    return .object(object)
  }

  private static let student: JSONValue = [
    "preset": "demo", "quantization": "ternary", "sub_norm": true,
  ]

  private func corpus(_ part: CorpusPartName) -> JSONValue {
    let shape = Shape.corpus(part: part)
    return (["part": .string(part.rawValue)] as JSONValue)
      .laid(over: shape.write(corpus), exclusive: [])
  }

  func job(
    _ id: JobID, _ stage: PipelineStage, _ spec: JobSpec, ids: [PipelineStage: JobID]
  ) -> NewJob {
    var tags = tags
    tags["pipeline"] = ids[.pretrain]?.text
    tags["stage"] = stage.rawValue
    return NewJob(
      id: id, kind: stage.kind, name: "\(name): \(stage.rawValue)", priority: priority,
      tags: tags, spec: spec.json, maxAttempts: maxAttempts,
      after: predecessors(of: stage, ids: ids))
  }

  private func predecessors(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> [JobID] {
    switch stage {
    case .pretrain: []
    case .baseline: [ids[.pretrain]].compactMap { $0 }
    case .collect: [ids[.baseline] ?? ids[.pretrain]].compactMap { $0 }
    case .direct, .distill: [ids[.collect]].compactMap { $0 }
    case .eval: [ids[.direct], ids[.distill]].compactMap { $0 }
    case .dryrun: [ids[.eval]].compactMap { $0 }
    }
  }

  /// A fault of a stage's spec, at its place in the request: in the section that says it.
  func locate(_ fault: FieldError, in stage: PipelineStage) -> FieldError {
    let names = fault.pointer.split(separator: "/").map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
    let section = stage.sections.reversed().first { sections[$0]?.holds(names) ?? false }
    if section == nil, let first = names.first, ["corpus", "tokenizer"].contains(first) {
      return fault  // What the pipeline itself says, under the same name.
    }
    let place = JSONPointer.root.member(section ?? stage.sections[stage.sections.count - 1])
    return FieldError(pointer: place.text + fault.pointer, detail: fault.detail)
  }
}

extension PipelineJobs {
  fileprivate init(_ ids: [PipelineStage: JobID]) {
    pretrain = ids[.pretrain]
    teacher = ids[.baseline]
    collect = ids[.collect]
    direct = ids[.direct]
    distill = ids[.distill]
    eval = ids[.eval]
    dryrun = ids[.dryrun]
  }
}

extension JSONValue {
  /// This value over another: objects member by member, everything else replaces.
  ///
  /// - Parameter exclusive: groups of names; one of a group here removes the others there.
  fileprivate func laid(over base: JSONValue, exclusive: [Set<String>]) -> JSONValue {
    guard case .object(let upper) = self, case .object(var lower) = base else { return self }
    for (name, value) in upper {
      for group in exclusive where group.contains(name) {
        for other in group where other != name && upper[other] == nil { lower[other] = nil }
      }
      lower[name] = lower[name].map { value.laid(over: $0, exclusive: exclusive) } ?? value
    }
    return .object(lower)
  }

  /// Whether there is something at a path of member names and indices.
  fileprivate func holds(_ path: [String]) -> Bool {
    guard let name = path.first else { return true }
    let rest = Array(path.dropFirst())
    switch self {
    case .object(let object): return object[name]?.holds(rest) ?? false
    case .array(let elements):
      guard let index = Int(name), elements.indices.contains(index) else { return false }
      return elements[index].holds(rest)
    default: return false
    }
  }
}
