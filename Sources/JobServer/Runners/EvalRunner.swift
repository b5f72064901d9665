// One pass over the held-out texts: each is scored by the teacher and by every other model, so that
// the comparison is position by position and no text's logits outlive it. Then the task, if the
// corpus has one, and the speeds.

internal import Corpora
internal import Evaluation
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Tokenization
internal import Traces
internal import Transformer
internal import WorkerPool

/// Compares models on held-out data (RECIPE §10).
struct EvalRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: EvalSpec) throws -> JobOutcome {
    // Files and gates first: they are refused before a model is read.
    let stage = try TaskStage(spec, paths: environment.paths)
    let gates = spec.gates.map { Gate($0) }
    let baseline = try spec.baseline.map { try environment.lockedBaseline(of: $0) }
    try stage.require(baseline ?? [])
    do {
      try EvaluationReport.require(
        gates, models: spec.models.reportNames, tasks: stage.figures)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "\(error)")
    }
    let contestants = try Contestant.all(spec.models, environment) { tell(0, "reading \($0)") }
    guard let tokenizer = contestants.first?.tokenizer else { return .stopped }
    let evaluations = try stage.evaluations(for: contestants)
    var report = EvaluationReport()
    report.baseline = baseline
    for contestant in contestants { report.models[contestant.name] = contestant.facts }

    if spec.corpus != nil || spec.traces != nil {
      guard try judge(contestants, spec, tokenizer: tokenizer, into: &report) else {
        return .stopped
      }
    }
    let isAsked = try stage.ask(
      evaluations, contestants, team: environment.team, into: &report,
      isCancelled: { running.stopRequested != nil }, tell: tell)
    guard isAsked, try time(contestants, into: &report) else { return .stopped }
    report.measureEfficiency()
    try report.check(gates)
    return try finish(report)
  }

  /// Held-out text, and what its corpus asks besides.
  ///
  /// - Returns: false when it was asked to stop.
  private func judge(
    _ contestants: [Contestant], _ spec: EvalSpec, tokenizer: Tokenizer,
    into report: inout EvaluationReport
  ) throws -> Bool {
    let corpus = try spec.corpus?.load(paths: environment.paths)
    let window = contestants.map(\.model.configuration.maxPositionEmbeddings).min() ?? 1
    let examples = try texts(
      corpus, spec, tokenizer: tokenizer, lengthMax: window - spec.generateMaxTokens)
    report.examples = examples.count
    let longest = (examples.map(\.tokens.count).max() ?? 0) + spec.generateMaxTokens
    for contestant in contestants {
      try environment.requireLength(longest, of: contestant.model.configuration)
    }
    guard try score(examples, contestants, length: longest, into: &report) else { return false }
    // A task's file is asked its own questions.
    if case .task = spec.corpus { return true }
    guard case .pairs(let pairs) = corpus, spec.tasks.isEmpty || spec.tasks.contains(.toolCalls)
    else { return true }
    return try answer(
      Array(pairs.prefix(spec.maxExamples)), contestants, spec, into: &report)
  }

  /// Writes the report, for people too unless a pipeline's own will say more.
  private func finish(_ report: EvaluationReport) throws -> JobOutcome {
    let result = try environment.writeReport(
      report, PipelineReporter.evaluationFile, of: running)
    if running.job.tags["pipeline"] == nil {
      try environment.writePage(of: report, running)
    }
    guard report.passed else {
      let missed = report.gates.filter { !$0.passed && $0.gate.required }.map { result in
        "\(result.gate.name) (is \(result.value.map { "\($0)" } ?? "not measured"))"
      }
      throw Problem(
        type: "urn:bitnet:problem:gate-failed", title: "A required gate was missed",
        detail: missed.joined(separator: "; "))
    }
    return .succeeded(result: result)
  }

  // MARK: - Held-out text

  private struct HeldOutText {
    let tokens: [Int32]
    /// `[tokens]`: the token that position t predicts; −1 where it does not count.
    let targets: [Int32]
    /// What the teacher said about position t's next token when it was asked; nil for plain text.
    var candidates: CandidateRows?
  }

  private func texts(
    _ corpus: CorpusContent?, _ spec: EvalSpec, tokenizer: Tokenizer, lengthMax: Int
  ) throws -> [HeldOutText] {
    func text(_ tokens: [Int32], from firstTarget: Int) -> HeldOutText {
      HeldOutText(
        tokens: tokens,
        targets: tokens.indices.map { position in
          position + 1 < tokens.count && position + 1 >= firstTarget ? tokens[position + 1] : -1
        })
    }
    switch corpus {
    case nil: return try traced(spec, tokenizer: tokenizer)
    case .pairs(let pairs):
      return pairs.prefix(spec.maxExamples).map { pair in
        let example = TokenizedExample(pair, tokenizer: tokenizer, lengthMax: lengthMax)
        return text(example.tokens, from: example.promptCount)
      }
    case .text(let running):
      let window = 256
      let tokens = tokenizer.encode(running)
      return stride(from: 0, to: max(0, tokens.count - 1), by: window).prefix(spec.maxExamples)
        .map { text(Array(tokens[$0..<min(tokens.count, $0 + window + 1)]), from: 1) }
    }
  }

  /// The sequences of the traces: their texts, and the teacher as it was.
  private func traced(_ spec: EvalSpec, tokenizer: Tokenizer) throws -> [HeldOutText] {
    guard let reference = spec.traces else {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "one of corpus, traces is needed")
    }
    let traces = try environment.traceSet(reference)
    try traces.requireTokenizer(tokenizer)
    return try (0..<min(spec.maxExamples, traces.set.count)).map { index in
      let sequence = try traces.set.sequence(at: index)
      // Row t + 1 holds what was predicted at position t; nothing follows the last.
      let width = sequence.topK
      return HeldOutText(
        tokens: sequence.tokens,
        targets: (0..<sequence.count).map { position in
          position + 1 < sequence.count && sequence.lossMask[position + 1]
            ? sequence.tokens[position + 1] : -1
        },
        candidates: CandidateRows(
          candidateCount: width,
          ids: Array(sequence.topKIDs.dropFirst(width)) + Array(repeating: -1, count: width),
          logprobs: Array(sequence.topKLogprobs.dropFirst(width))
            + Array(repeating: -.infinity, count: width),
          otherLogprobs: Array(sequence.otherLogprob.dropFirst()) + [0]))
    }
  }

  /// - Returns: false when it was asked to stop.
  private func score(
    _ examples: [HeldOutText], _ contestants: [Contestant], length: Int,
    into report: inout EvaluationReport
  ) throws -> Bool {
    let sessions = contestants.map { contestant in
      InferenceSession(
        model: contestant.model, maximumSequences: 1, maximumLength: length,
        team: environment.team)
    }
    var metrics = contestants.map { _ in HeldOutMetrics() }
    let vocabulary = contestants[0].model.configuration.vocabSize
    for (index, example) in examples.enumerated() {
      if running.stopRequested != nil { return false }
      if index % 20 == 0 {
        tell(0.5 * Double(index) / Double(examples.count), "scoring held-out text")
      }
      var teacher: [Float]?
      for (place, contestant) in contestants.enumerated() {
        let logits = try self.logits(example.tokens, contestant, sessions[place])
        logits.withUnsafeBufferPointer { rows in
          guard let base = rows.baseAddress else { return }
          func reduced(_ logits: UnsafePointer<Float>) -> LogitRows {
            LogitRows(
              logits, count: example.tokens.count, vocabularySize: vocabulary,
              team: environment.team)
          }
          if let teacher {
            teacher.withUnsafeBufferPointer { theirs in
              metrics[place].add(
                reduced(base), targets: example.targets,
                teacher: theirs.baseAddress.map(reduced), team: environment.team)
            }
          } else if let candidates = example.candidates,
            contestant.name != EvaluationReport.teacher
          {
            metrics[place].add(
              reduced(base), targets: example.targets, candidates: candidates)
          } else {
            metrics[place].add(reduced(base), targets: example.targets, team: environment.team)
          }
        }
        if contestant.name == EvaluationReport.teacher { teacher = logits }
      }
    }
    for (contestant, metrics) in zip(contestants, metrics) {
      report.models[contestant.name]?.heldOut = metrics.scores
    }
    return true
  }

  /// `[tokens, V]` behind every token.
  private func logits(
    _ tokens: [Int32], _ contestant: Contestant, _ session: InferenceSession
  ) throws -> [Float] {
    contestant.prepare()
    let vocabulary = contestant.model.configuration.vocabSize
    var logits: [Float] = []
    logits.reserveCapacity(tokens.count * vocabulary)
    session.reset(0)
    try session.score(tokens, sequence: 0) { range, rows in
      logits += UnsafeBufferPointer(start: rows, count: range.count * vocabulary)
    }
    return logits
  }

  // MARK: - The task

  /// - Returns: false when it was asked to stop.
  private func answer(
    _ pairs: [CorpusExample], _ contestants: [Contestant], _ spec: EvalSpec,
    into report: inout EvaluationReport
  ) throws -> Bool {
    let schema: JSONSchema? =
      if case .generated = spec.corpus { try JSONSchema(ToolCallGenerator.jsonSchema) } else { nil }
    var samples = pairs.prefix(5).map {
      EvaluationReport.Sample(prompt: $0.prompt, expected: $0.completion, answers: [:])
    }
    for (place, contestant) in contestants.enumerated() {
      contestant.prepare()
      let tokenizer = contestant.tokenizer
      let (generations, _) = try generateGreedy(
        model: contestant.model, prompts: pairs.map { tokenizer.encode($0.context) },
        maximumNewTokens: spec.generateMaxTokens,
        stop: Set([tokenizer.endOfText].compactMap(\.self)), batch: 32, team: environment.team,
        progress: { done in
          let share = (Double(place) + Double(done) / Double(pairs.count))
          tell(0.5 + 0.45 * share / Double(contestants.count), "\(contestant.name) answers")
        },
        isCancelled: { running.stopRequested != nil })
      if running.stopRequested != nil { return false }
      var scorer = TaskScorer(schema: schema)
      for (index, generation) in generations.enumerated() {
        let text = tokenizer.decode(generation.tokens)
        scorer.add(generated: text, expected: pairs[index].completion)
        if samples.indices.contains(index) { samples[index].answers[contestant.name] = text }
      }
      report.models[contestant.name]?.task = scorer.scores
    }
    report.samples = samples
    return true
  }

  // MARK: - Speed

  /// - Returns: false when it was asked to stop.
  private func time(_ contestants: [Contestant], into report: inout EvaluationReport) throws -> Bool
  {
    for contestant in contestants {
      if running.stopRequested != nil { return false }
      tell(0.97, "timing \(contestant.name)")
      let (speed, cacheBytes) = try contestant.speed(team: environment.team)
      report.models[contestant.name]?.speed = speed
      report.models[contestant.name]?.cacheBytes = cacheBytes
      report.models[contestant.name]?.peakRssBytes = ProcessMemory.peakResidentBytes
    }
    return true
  }

  private func tell(_ fraction: Double, _ message: String) {
    running.report(Progress(fraction: fraction, message: message))
  }
}

extension Gate {
  /// The gate that a spec asks for.
  init(_ spec: GateSpec) {
    let standsAlone = spec.metric.contains(".") || spec.metric.hasPrefix("qei")
    self.init(
      metric: standsAlone
        ? spec.metric : "distilled_\(spec.activations.rawValue).\(spec.metric)",
      op: Comparison(rawValue: spec.comparison.rawValue) ?? .atLeast, bound: spec.bound,
      relativeToTeacher: spec.relativeToTeacher, required: spec.isRequired)
  }
}
