import JobAPI
import Jobs
import Testing

struct TaskSpecTests {
  private let student = #""models": {"student": "mdl_01jd0000000000000000000000"}"#

  private func eval(_ fields: String) throws -> EvalSpec {
    let json = try JSONValue(parsing: "{\(student), \(fields)}")
    guard case .eval(let spec) = try JobSpec.read(kind: .eval, from: json) else {
      throw Unexpected()
    }
    return spec
  }

  private struct Unexpected: Error {}

  private func faults(_ fields: String) throws -> [FieldError] {
    do {
      _ = try eval(fields)
      return []
    } catch let error as SpecError {
      return error.fields
    }
  }

  @Test func `a task's file is a corpus, beside files and generators`() throws {
    let spec = try eval(#""corpus": {"task": "sst2", "path": "dev.tsv", "limit": 5}"#)
    guard case .task(let corpus) = spec.corpus else {
      Issue.record("a corpus with a task is one")
      return
    }
    #expect(corpus.task == .named("sst2"))
    #expect(corpus.limit == 5)
    #expect(corpus.part == .test)
    #expect(
      try eval(#""corpus": {"path": "a.txt"}"#).corpus
        == .file(FileCorpus(path: "a.txt", part: .test)))
    #expect(
      try faults(#""corpus": {"path": "a.txt", "generator": "tool_calls"}"#).map(\.pointer)
        == ["/corpus/path", "/corpus/generator"])
    #expect(try faults(#""corpus": {"task": "sst2"}"#).map(\.pointer) == ["/corpus/path"])
    #expect(
      try faults(#""corpus": {"task": "sst2", "path": "a", "generator": "tool_calls"}"#).count == 3)
    #expect(
      try faults(
        #""corpus": {"task": "a", "path": "b", "held_out_fraction": 0.1, "validation_path": "c"}"#
      ).map(\.pointer) == ["/corpus/validation_path"])
  }

  @Test func `tasks have files of their own, and may stand alone`() throws {
    let spec = try eval(
      #""tasks": ["text", {"task": {"name": "a"}, "path": "a.jsonl"}, {"task": "b.json", "path": "b"}]"#
    )
    #expect(spec.tasks.first == .text)
    #expect(spec.taskFiles.map(\.path) == ["a.jsonl", "b"])
    #expect(spec.taskFiles.map(\.task) == [.described(["name": "a"]), .named("b.json")])
    let json = JobSpec.eval(spec).json
    #expect(try JobSpec.read(kind: .eval, from: json) == .eval(spec))
    // What is asked about a corpus needs one.
    #expect(try faults(#""tasks": ["tool_calls"]"#).map(\.pointer) == [""])
    #expect(try faults(#""tasks": ["tools", 7]"#).map(\.pointer) == ["/tasks/0", "/tasks/1"])
    #expect(
      try faults(
        #""tasks": [{"task": "", "path": "b"}, {"task": "a", "path": "b", "name": "a.b"}]"#
      )
      .map(\.pointer) == ["/tasks/0/task", "/tasks/1/name"])
  }

  @Test func `other models have names of their own`() throws {
    let others = { (names: String) in
      #"{"models": {"student": "mdl_01jd0000000000000000000000", "others": {\#(names)}}, "#
        + #""corpus": {"path": "a.txt"}}"#
    }
    let reference = #""job_01jd0000000000000000000000""#
    let json = try JSONValue(parsing: others(#""logits_only": \#(reference)"#))
    guard case .eval(let spec) = try JobSpec.read(kind: .eval, from: json) else {
      throw Unexpected()
    }
    #expect(spec.models.others["logits_only"]?.text == "job_01jd0000000000000000000000")
    for name in ["teacher", "Big", "a.b"] {
      let json = try JSONValue(parsing: others("\"\(name)\": \(reference)"))
      #expect {
        try JobSpec.read(kind: .eval, from: json)
      } throws: { error in
        (error as? SpecError)?.fields.map(\.pointer) == ["/models/others/\(name)"]
      }
    }
  }

  @Test(arguments: [
    ("perplexity", true), ("sst2.accuracy", true), ("direct_a8.sst2.f1", true), ("beauty", false),
    ("", false), ("a..b", false), ("a.b.c.d", false), ("a b.c", false),
  ])
  func `a gate's metric is a name, or names between dots`(metric: String, isRight: Bool) throws {
    let gate = #"{"metric": "\#(metric)", "op": ">=", "bound": 0}"#
    let found = try faults(#""corpus": {"path": "a.txt"}, "gates": [\#(gate)]"#)
    #expect(found.map(\.pointer) == (isRight ? [] : ["/gates/0/metric"]))
  }
}
