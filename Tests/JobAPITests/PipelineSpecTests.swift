import JobAPI
import Jobs
import Testing

private func pipeline(_ text: String) throws -> PipelineSpec {
  var count: UInt128 = 1
  return try PipelineSpec(JSONValue(parsing: text), defaults: SpecDefaults()) {
    defer { count += 1 }
    return JobID(suffix: SortableSuffix(bits: count))
  }
}

private func faults(_ text: String) -> [FieldError] {
  do {
    _ = try pipeline(text)
    return []
  } catch let error as SpecError {
    return error.fields
  } catch {
    Issue.record("\(error)")
    return []
  }
}

struct PipelineSpecTests {
  @Test func `a corpus alone makes the whole chain`() throws {
    let spec = try pipeline(#"{"corpus": {"generator": "tool_calls"}}"#)
    #expect(
      spec.jobs.map { $0.tags["stage"] } == [
        "pretrain", "baseline", "collect", "direct", "distill", "eval", "dryrun",
      ])
    #expect(spec.jobs.map(\.kind) == [.train, .teacher, .collect, .train, .train, .eval, .dryrun])
    let places = Dictionary(uniqueKeysWithValues: spec.jobs.enumerated().map { ($1.id, $0) })
    for (place, job) in spec.jobs.enumerated() {
      #expect(job.after.allSatisfy { places[$0, default: .max] < place })
      #expect(job.after.isEmpty == (place == 0))
      #expect(job.tags["pipeline"] == spec.jobs[0].id.text)
    }
    #expect(spec.jobs[5].spec["corpus"]?["part"] == "test")
    #expect(spec.jobs[2].spec["corpus"]?["part"] == "train")
    #expect(spec.jobs[6].spec["pipeline"]?["distill"] == .string(spec.jobs[4].id.text))
    #expect(spec.jobs[5].spec["pipeline"] == nil)
  }

  @Test func `sections lie over what the pipeline says`() throws {
    let spec = try pipeline(
      #"""
      {"corpus": {"path": "a.txt", "test_fraction": 0.1}, "student": {"steps": 5},
       "direct": {"steps": 7}, "teacher": {"token_budget": 9, "model": {"hidden_size": 64}},
       "distill": {"model": {"init_from": "job_00000000000000000000000001"}}}
      """#)
    #expect(spec.jobs[0].spec["token_budget"] == 9)
    #expect(spec.jobs[0].spec["model"]?["hidden_size"] == 64)
    #expect(spec.jobs[0].spec["model"]?["quantization"] == "none")
    #expect(spec.jobs[3].spec["steps"] == 7)
    #expect(spec.jobs[4].spec["steps"] == 5)
    #expect(spec.jobs[4].spec["model"]?["init_from"] != nil)
    #expect(spec.jobs[4].spec["model"]?["preset"] == nil)
    #expect(spec.jobs[5].spec["corpus"]?["test_fraction"] == 0.1)
  }

  @Test func `a student may start from the pipeline's own teacher`() throws {
    let spec = try pipeline(
      #"{"corpus": {"path": "a.txt"}, "student": {"model": {"init_from": "teacher"}}}"#)
    for place in [3, 4] {
      #expect(spec.jobs[place].spec["model"]?["init_from"] == .string(spec.jobs[0].id.text))
    }
  }

  @Test func `stages that are left out leave the chain whole`() throws {
    let spec = try pipeline(
      #"{"corpus": {"path": "a.txt"}, "baseline": false, "direct": false, "dryrun": false}"#)
    #expect(spec.jobs.map { $0.tags["stage"] } == ["pretrain", "collect", "distill", "eval"])
    #expect(spec.jobs.map(\.after) == [[]] + spec.jobs.dropLast().map { [$0.id] })
    #expect(spec.jobs[3].spec["pipeline"] != nil)
  }

  @Test func `a fault is named in the section that has it, once`() {
    let found = faults(
      #"""
      {"corpus": {"path": "a.txt"}, "student": {"stepps": 5, "batch_size": 0},
       "distill": {"seed": "x"}, "eval": {"gates": [{"metric": "speed", "op": ">=", "bound": 1}]}}
      """#)
    #expect(
      Set(found.map(\.pointer)) == [
        "/student/stepps", "/student/batch_size", "/distill/seed", "/eval/gates/0/metric",
      ])
    #expect(found.count == 4)
  }

  @Test func `a deeper check's fault of what all stages share is named once, where it is said`() {
    #expect(
      throws: SpecError([FieldError(pointer: "/corpus/path", detail: "is not there")])
    ) {
      try PipelineSpec(
        ["corpus": ["path": "a.txt"]], defaults: SpecDefaults(), makeID: { .make(at: .now()) }
      ) { spec in
        spec.json["corpus"] == nil
          ? [] : [FieldError(pointer: "/corpus/path", detail: "is not there")]
      }
    }
  }

  @Test func `only the stages that can be left out accept false`() {
    #expect(faults(#"{"corpus": {"path": "a"}, "eval": false}"#).map(\.pointer) == ["/eval"])
    #expect(faults(#"{}"#).map(\.pointer) == ["/corpus"])
    #expect(faults("3").map(\.pointer) == [""])
    #expect(
      faults(#"{"corpus": 1, "nam": 2, "student": {"steps": 0}}"#).map(\.pointer) == [
        "/nam", "/corpus", "/student/steps",
      ])
  }

  private static let bitDistill = #"""
    "recipe": "bitdistill", "corpus": {"path": "text.txt"},
    "task": {"task": "sst2", "path": "train.tsv", "held_out_fraction": 0.05},
    "evaluation": {"task": "sst2", "path": "dev.tsv"}
    """#

  @Test func `BitNet Distillation is a chain of its own`() throws {
    let spec = try pipeline(
      "{\(Self.bitDistill), \"model\": \"mdl_01jd0000000000000000000000\", \"seed\": 7}")
    let stages = spec.jobs.map { $0.tags["stage"] ?? "" }
    #expect(stages == ["teacher", "convert", "continued", "direct", "distill", "eval"])
    #expect(spec.jobs.map(\.kind) == [.train, .convert, .train, .train, .train, .eval])
    let jobs = Dictionary(uniqueKeysWithValues: zip(stages, spec.jobs))
    let distill = try #require(jobs["distill"])
    #expect(distill.spec["teacher"]?.stringValue == jobs["teacher"]?.id.text)
    #expect(distill.spec["model"]?["init_from"]?.stringValue == jobs["continued"]?.id.text)
    #expect(distill.spec["losses"]?["kd"]?["temperature"] == 5.0)
    #expect(distill.spec["losses"]?["ad"] != nil)
    #expect(distill.spec["seed"] == 7)
    #expect(distill.spec["corpus"]?["task"] == "sst2")
    #expect(Set(distill.after) == Set(["teacher", "continued"].compactMap { jobs[$0]?.id }))
    #expect(jobs["continued"]?.spec["corpus"]?["path"] == "text.txt")
    #expect(jobs["direct"]?.spec["model"]?["quantization"] == "ternary")
    #expect(jobs["direct"]?.spec["losses"]?["ad"] == nil)
    #expect(jobs["eval"]?.spec["tasks"]?.arrayValue?.first?["path"] == "dev.tsv")
    #expect(jobs["eval"]?.spec["pipeline"]?["convert"]?.stringValue == jobs["convert"]?.id.text)
  }

  @Test func `the ablation takes one part away from each further student`() throws {
    let spec = try pipeline(
      """
      {\(Self.bitDistill), "base": {"steps": 9}, "ablation": true,
       "distill": {"steps": 5, "losses": {"kd": {"weight": 3}, "ad": {"layers": [1]}}}}
      """)
    let jobs = Dictionary(uniqueKeysWithValues: spec.jobs.map { ($0.tags["stage"] ?? "", $0) })
    #expect(jobs.count == 11)
    #expect(jobs["base"]?.spec["steps"] == 9)
    #expect(
      jobs["without_continued"]?.spec["model"]?["init_from"]?.stringValue
        == jobs["convert"]?.id.text)
    #expect(jobs["logits_only"]?.spec["losses"]?["ad"] == nil)
    #expect(jobs["logits_only"]?.spec["losses"]?["kd"]?["weight"] == 3.0)
    #expect(jobs["relations_only"]?.spec["losses"]?["kd"]?["weight"] == 0.0)
    #expect(jobs["relations_only"]?.spec["losses"]?["ad"]?["layers"] == [1])
    #expect(jobs["without_distillation"]?.spec["method"] == "direct")
    #expect(jobs["without_distillation"]?.spec["teacher"] == nil)
    #expect(jobs["without_distillation"]?.spec["steps"] == 5)
    let others = jobs["eval"]?.spec["models"]?["others"]?.objectValue ?? [:]
    #expect(others.count == 4)
  }

  @Test(arguments: [
    (#""model": "mdl_01jd0000000000000000000000", "collect": {}"#, "/collect"),
    (#""distill": {"losses": {"ad": {"heads": 0}}}, "base": {}"#, "/distill/losses/ad/heads"),
    (#""seed": 1"#, ""),
  ])
  func `faults of a BitNet Distillation are named where they are`(field: String, place: String) {
    let request = "{\(Self.bitDistill), \(field)}"
    let found = faults(request)
    #expect(found.contains { $0.pointer == place }, "\(found)")
  }
}
