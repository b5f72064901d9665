import JobAPI
import Jobs
import Testing

/// Reads a spec from text; the faults instead when it has any.
private func read(
  _ kind: JobKind, _ text: String, defaults: SpecDefaults = SpecDefaults()
) throws -> Result<JobSpec, SpecError> {
  let json = try JSONValue(parsing: text)
  return Result { () throws(SpecError) in
    try JobSpec.read(kind: kind, from: json, defaults: defaults)
  }
}

private func faults(_ kind: JobKind, _ text: String) throws -> [FieldError] {
  switch try read(kind, text) {
  case .success: []
  case .failure(let error): error.fields
  }
}

private let job = "job_01jd0000000000000000000000"
private let model = "mdl_01jd0000000000000000000000"

private let smallest: [(JobKind, String)] = [
  (.teacher, #"{"teacher": {"model": "\#(job)"}, "prompts": ["hi"]}"#),
  (.collect, #"{"teacher": {"model": "\#(model)"}, "corpus": {"path": "a.txt"}}"#),
  (
    .train,
    #"""
    {"method": "pretrain", "model": {"preset": "demo"}, "corpus": {"generator": "tool_calls"},
     "tokenizer": {"train": {"vocab_size": 2048}}}
    """#
  ),
  (.train, #"{"method": "distill", "model": {"init_from": "\#(model)"}, "traces": "\#(job)"}"#),
  (.eval, #"{"models": {"student": "\#(model)"}, "corpus": {"path": "a.jsonl"}}"#),
  (.convert, #"{"model": "\#(job)"}"#), (.dryrun, "{}"),
  (.export, #"{"model": "\#(model)", "format": "gguf"}"#),
]

struct SpecReadingTests {
  @Test(arguments: smallest)
  func `the canonical form of a spec reads back as the same spec`(
    kind: JobKind, text: String
  ) throws {
    let spec = try read(kind, text).get()
    #expect(spec.kind == kind)
    let again = try JobSpec.read(kind: kind, from: spec.json)
    #expect(again == spec)
    #expect(again.json == spec.json)
  }

  @Test func `a conversion that cannot be is refused at its field`() throws {
    let found = try faults(
      .convert,
      #"{"model": "\#(job)", "norms": "all", "quantization": "none", "block_hadamard": true}"#)
    #expect(found.map(\.pointer) == ["/norms", "/block_hadamard"])
    #expect(found.first?.detail.contains("docs/decisions/0016-two-norms.md") == true)
  }

  @Test func `a collection of no candidates is refused, unless some are drawn`() throws {
    func spec(_ more: String) -> String {
      #"{"teacher": {"model": "\#(model)"}, "corpus": {"path": "a.jsonl"}, "top_k": 0\#(more)}"#
    }
    let found = try faults(.collect, spec(""))
    #expect(found.map(\.pointer) == ["/top_k"])
    #expect(found.first?.detail.contains("sampled_draws") == true)
    _ = try read(.collect, spec(#", "sampled_draws": 16"#)).get()
  }

  @Test func `every fault is named at once, each at its place`() throws {
    let found = try faults(
      .train,
      #"""
      {"method": "magic", "model": {"preset": "demo", "hidden_size": "wide"},
       "optimizer": {"learning_rat": 1, "beta1": 2}, "steps": 0, "seed": -1,
       "checkpoint": 3, "losses": {"kd": {"temperature": 0}}}
      """#)
    #expect(
      found.map(\.pointer) == [
        "/method", "/model/hidden_size", "/steps", "/optimizer/learning_rat", "/optimizer/beta1",
        "/losses/kd/temperature", "/checkpoint", "/seed",
      ])
    #expect(
      found[0].detail == #"must be one of "pretrain", "direct", "distill", not "magic""#)
    #expect(found[3].detail == #"unknown field; did you mean "learning_rate"?"#)
    #expect(found[4].detail == "must be a number from 0.0 to 0.999999, not 2")
  }

  @Test func `fields that exclude each other are refused together`() throws {
    let found = try faults(
      .train,
      #"{"method": "distill", "model": {"preset": "demo"}, "traces": "\#(job)", "steps": 3, "token_budget": 4}"#
    )
    #expect(found.map(\.pointer) == ["/steps", "/token_budget"])
  }

  @Test func `a model is a preset or another model's weights, not both`() throws {
    let found = try faults(
      .train,
      #"{"method": "distill", "model": {"preset": "demo", "init_from": "\#(model)"}, "traces": "\#(job)"}"#
    )
    #expect(found.map(\.pointer) == ["/model/preset", "/model/init_from"])
  }

  @Test(arguments: [
    (#""method": "pretrain", "tokenizer": {"path": "t"}"#, "/corpus"),
    (#""method": "direct""#, ""),
    (#""method": "distill""#, "/traces"),
    (#""method": "pretrain", "corpus": {"path": "a.txt"}"#, "/tokenizer"),
    (#""method": "distill", "traces": "\#(job)", "corpus": {"path": "a.txt"}"#, "/corpus"),
  ])
  func `a method says what it lacks and what it cannot use`(fields: String, place: String) throws {
    let found = try faults(.train, #"{"model": {"preset": "demo"}, \#(fields)}"#)
    #expect(found.map(\.pointer).contains(place), "\(found)")
  }

  @Test func `without distillation the losses default to cross-entropy alone`() throws {
    guard case .train(let direct) = try read(.train, smallest[2].1).get(),
      case .train(let distilled) = try read(.train, smallest[3].1).get()
    else {
      Issue.record("not a train spec")
      return
    }
    #expect(direct.losses == .crossEntropyOnly)
    #expect(distilled.losses == LossSpec())
  }

  @Test func `what a spec leaves out is what the daemon's settings say`() throws {
    var defaults = SpecDefaults()
    defaults.train.losses.kd.temperature = 3
    defaults.train.length = .tokenBudget(500)
    let text = smallest[3].1
    guard case .train(let spec) = try read(.train, text, defaults: defaults).get() else {
      Issue.record("not a train spec")
      return
    }
    #expect(spec.losses.kd.temperature == 3)
    #expect(spec.length == .tokenBudget(500))
    // Stored specs are whole: they read the same whatever the settings are by then.
    #expect(try JobSpec.read(kind: .train, from: JobSpec.train(spec).json) == .train(spec))
  }

  @Test func `an integer may be written with a fraction of zero, a huge number may not be one`()
    throws
  {
    #expect(try faults(.dryrun, #"{"batch_size": 2.0}"#).isEmpty)
    #expect(try faults(.dryrun, #"{"batch_size": 2.5}"#).map(\.pointer) == ["/batch_size"])
    #expect(try faults(.dryrun, #"{"batch_size": 1e300}"#).map(\.pointer) == ["/batch_size"])
  }

  @Test func `secrets in the wrong place are not repeated in the answer`() throws {
    let secret = String(repeating: "sk-secret", count: 8)
    let found = try faults(.export, #"{"model": "\#(secret)", "format": "gguf"}"#)
    #expect(found.count == 1)
    #expect(!found[0].detail.contains("secret"))
  }

  @Test func `a spec that is no object is one fault`() throws {
    for text in ["[]", "null", "3", "\"a\""] {
      #expect(try faults(.train, text).map(\.pointer) == [""])
    }
  }
}
