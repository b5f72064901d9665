// One request that becomes a chain of jobs; which ones, its recipe says.
//
// Each stage's spec is built from what the pipeline says once (the corpus, the tokenizer, who
// uses whose model), and the stage's own section is laid over it. The specs are then read as any
// other, so a section can say whatever a spec of its kind can, and its faults are named in it.

package import Jobs

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
    // Without a right name of its recipe a request is read as one of the default, which says so.
    let recipe = json["recipe"]?.stringValue.flatMap { PipelineRecipe(rawValue: $0) } ?? .traces
    let request = recipe.table.partial(json, base: nil, at: .root, errors: &errors)
    guard case .object = json else { throw SpecError(errors) }
    let stages = recipe.stages(of: request)
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
  package static var schema: JSONValue {
    ["oneOf": .array(PipelineRecipe.allCases.map(\.table.schema))]
  }
}

/// The body of `POST /v1/pipelines`, before its sections are read.
struct PipelineRequest: Sendable {
  var recipe: PipelineRecipe = .traces
  var name: String = "pipeline"
  var priority: Int = 0
  var tags: [String: String] = [:]
  var maxAttempts: Int = 3
  var corpus: CorpusSource = .generated(GeneratedCorpus())
  var tokenizer: TokenizerSource = .trained(vocabularySize: 2048)
  /// BitNet Distillation: the full-precision model; nil trains one first.
  var model: ModelReference?
  /// BitNet Distillation: what is learnt, and what is judged.
  var task: CorpusSource = .generated(GeneratedCorpus())
  var evaluation: TaskCorpus = TaskCorpus(task: .named(""), path: "", part: .test)
  var ablation = false
  var seed: UInt64 = 1
  var sections: [String: JSONValue] = [:]

  /// The fields that every recipe has.
  static let commonFields: [Field<PipelineRequest>] = [
    .field("name", \.name, .text(1...150), "Begins the jobs' names."),
    .field("priority", \.priority, .integer(-1000...1000), "Of all its jobs."),
    .field("tags", \.tags, .tags, "Of all its jobs."),
    .field("max_attempts", \.maxAttempts, .integer(1...100), "Of each of its jobs."),
  ]

  enum SectionForm {
    case object, orFalse
  }

  static func section(
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

  /// The stage's spec: what follows from the pipeline, and its sections over it.
  func spec(of stage: PipelineStage, ids: [PipelineStage: JobID], isLast: Bool) -> JSONValue {
    var spec = skeleton(of: stage, ids: ids)
    for name in recipe.sections(of: stage) {
      guard let section = sections[name] else { continue }
      spec = section.laid(over: spec, exclusive: stage.exclusiveNames)
    }
    if let last = ablated(stage) { spec = last.laid(over: spec, exclusive: stage.exclusiveNames) }
    spec = withTeacherNamed(spec, ids: ids)
    if isLast, case .object(var object) = spec, stage == .eval || stage == .dryrun {
      object["pipeline"] = PipelineJobs.table.write(PipelineJobs(ids))
      spec = .object(object)
    }
    return spec
  }

  private func skeleton(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> JSONValue {
    switch recipe {
    case .traces: tracesSkeleton(of: stage, ids: ids)
    case .bitdistill: bitDistillSkeleton(of: stage, ids: ids)
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

  func job(
    _ id: JobID, _ stage: PipelineStage, _ spec: JobSpec, ids: [PipelineStage: JobID]
  ) -> NewJob {
    var tags = tags
    tags["pipeline"] = first(of: ids)?.text
    tags["stage"] = stage.rawValue
    return NewJob(
      id: id, kind: stage.kind, name: "\(name): \(stage.rawValue)", priority: priority,
      tags: tags, spec: spec.json, maxAttempts: maxAttempts,
      after: predecessors(of: stage, ids: ids))
  }

  /// The pipeline's first job, after which the whole is named.
  private func first(of ids: [PipelineStage: JobID]) -> JobID? {
    recipe.stages(of: self).first.flatMap { ids[$0] }
  }

  private func predecessors(of stage: PipelineStage, ids: [PipelineStage: JobID]) -> [JobID] {
    switch recipe {
    case .traces: tracesPredecessors(of: stage, ids: ids)
    case .bitdistill: bitDistillPredecessors(of: stage, ids: ids)
    }
  }

  /// The pipeline's own field that a stage's `name` comes from.
  private func said(_ name: String, of stage: PipelineStage) -> String? {
    switch (recipe, name) {
    case (.traces, "corpus"), (_, "tokenizer"): name
    case (.bitdistill, "corpus"):
      [.base, .convert, .continued].contains(stage) ? "corpus" : "task"
    case (.bitdistill, "tasks"): "evaluation"
    default: nil
    }
  }

  /// A fault of a stage's spec, at its place in the request: in the section that says it.
  func locate(_ fault: FieldError, in stage: PipelineStage) -> FieldError {
    let names = fault.pointer.split(separator: "/").map {
      String($0).replacing("~1", with: "/").replacing("~0", with: "~")
    }
    let own = recipe.sections(of: stage)
    let section = own.reversed().first { sections[$0]?.holds(names) ?? false }
    if section == nil, let first = names.first, let said = said(first, of: stage) {
      // What the pipeline itself says, perhaps under another name.
      let rest = fault.pointer.dropFirst(first.utf8.count + 1)
      return FieldError(pointer: "/" + said + rest, detail: fault.detail)
    }
    let place = JSONPointer.root.member(section ?? own[own.count - 1])
    return FieldError(pointer: place.text + fault.pointer, detail: fault.detail)
  }
}

extension PipelineJobs {
  fileprivate init(_ ids: [PipelineStage: JobID]) {
    base = ids[.base]
    pretrain = ids[.pretrain]
    fineTuning = ids[.teacher]
    teacher = ids[.baseline]
    convert = ids[.convert]
    continued = ids[.continued]
    collect = ids[.collect]
    direct = ids[.direct]
    distill = ids[.distill]
    withoutContinued = ids[.withoutContinued]
    withoutDistillation = ids[.withoutDistillation]
    logitsOnly = ids[.logitsOnly]
    relationsOnly = ids[.relationsOnly]
    eval = ids[.eval]
    dryrun = ids[.dryrun]
  }
}

extension JSONValue {
  /// This value over another: objects member by member, null takes a member away, everything else
  /// replaces (RFC 7396).
  ///
  /// - Parameter exclusive: groups of names; one of a group here removes the others there.
  func laid(over base: JSONValue, exclusive: [Set<String>]) -> JSONValue {
    guard case .object(let upper) = self, case .object(var lower) = base else { return self }
    for (name, value) in upper {
      for group in exclusive where group.contains(name) {
        for other in group where other != name && upper[other] == nil { lower[other] = nil }
      }
      lower[name] =
        value == .null
        ? nil : lower[name].map { value.laid(over: $0, exclusive: exclusive) } ?? value
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
