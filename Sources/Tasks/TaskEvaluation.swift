package import Evaluation
internal import Foundation
package import Inference
package import Kernels
package import Tokenization

/// One task, ready to be asked of models that share a tokenizer.
///
///     let task = try TaskDescription.named("sst2")
///     let examples = try TaskFile.read(url, as: task)
///     let evaluation = try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 512)
///     let report = try evaluation.run(model, team: team)
package struct TaskEvaluation: Sendable {
  private enum Questions: Sendable {
    case options([LikelihoodScorer.Question])
    case prompts([[Int32]])
  }

  /// Answers that a report shows.
  private static let sampleCount = 3

  private let task: TaskDescription
  private let examples: [TaskExample]
  private let questions: Questions
  private let tokenizer: Tokenizer
  private let lengthMax: Int
  /// Prompts whose longest column was cut.
  package let cutPrompts: Int
  /// Of prompts, options and answers, as they stand in the file.
  package let examplesSHA256: String

  /// Encodes and checks everything; nothing is left to go wrong on the way.
  ///
  /// - Parameter lengthMax: positions of the shortest model that will be asked. A longer prompt's
  ///   longest column is cut.
  /// - Throws: labels that begin with the same token, an answer without tokens, a prompt that does
  ///   not fit.
  package init(
    _ task: TaskDescription, _ examples: [TaskExample], tokenizer: Tokenizer, lengthMax: Int
  ) throws(TaskError) {
    try task.check(tokenizer)
    self.task = task
    self.examples = examples
    self.tokenizer = tokenizer
    self.lengthMax = lengthMax
    var cut = 0
    func prompt(_ example: TaskExample, limit: Int) throws(TaskError) -> [Int32] {
      let fitted = FittedPrompt(
        example.prompt, cuttable: example.cuttable, tokenizer: tokenizer, limit: limit)
      guard fitted.tokens.count <= limit else {
        throw .promptTooLong(line: example.line, tokens: fitted.tokens.count, limit: max(0, limit))
      }
      guard !fitted.tokens.isEmpty else {
        throw .badLine(number: example.line, expected: "a prompt with a token")
      }
      if fitted.isCut { cut += 1 }
      return fitted.tokens
    }
    var asked: [LikelihoodScorer.Question] = []
    var written: [[Int32]] = []
    // Most examples have the same few options.
    var known: [String: [Int32]] = [:]
    for example in examples {
      switch example.answer {
      case .option(_, let texts, _):
        var options: [[Int32]] = []
        for text in texts {
          let tokens = known[text] ?? tokenizer.encodeContinuation(text)
          guard !tokens.isEmpty else { throw .noTokens(line: example.line, text: text) }
          if known.count < 1024 { known[text] = tokens }
          options.append(tokens)
        }
        let longest = options.map(\.count).max() ?? 0
        asked.append(
          .init(prompt: try prompt(example, limit: lengthMax - longest), options: options))
      case .text:
        written.append(try prompt(example, limit: lengthMax - task.maxTokens))
      }
    }
    questions = written.isEmpty ? .options(asked) : .prompts(written)
    cutPrompts = cut
    examplesSHA256 = TaskExample.sha256(of: examples)
  }

  /// Asks a model.
  ///
  /// - Parameters:
  ///   - model: at the width of activations that it has; its vocabulary is the tokenizer's.
  ///   - isCancelled: asked between batches.
  ///   - progress: called with the share that is done, 0 to 1.
  /// - Returns: nil when it was asked to stop.
  package func run(
    _ model: InferenceModel, team: ComputeTeam, isCancelled: () -> Bool = { false },
    progress: (Double) -> Void = { _ in }
  ) throws(InferenceError) -> TaskReport? {
    let start = ContinuousClock.now
    let answers: [String]
    let figures: [TaskReport.Figure]
    let tokens: Int
    var unanswered = 0
    switch questions {
    case .options(let questions):
      guard
        let result = try choices(
          questions, model, team: team, isCancelled: isCancelled, progress: progress)
      else { return nil }
      tokens = result.tokens
      unanswered = result.choices.count { $0.predicted == nil }
      answers = zip(examples, result.choices).prefix(Self.sampleCount).map { example, choice in
        guard case .option(_, let texts, _) = example.answer, let index = choice.predicted else {
          return ""
        }
        return texts[index]
      }
      figures = TaskAnswers.figures(result.choices, of: task)
    case .prompts(let prompts):
      let (generations, speed) = try generateGreedy(
        model: model, prompts: prompts, maximumNewTokens: task.maxTokens,
        stop: Set([tokenizer.endOfText].compactMap(\.self)), batch: 32, team: team,
        progress: { progress(Double($0) / Double(prompts.count)) }, isCancelled: isCancelled)
      if isCancelled() { return nil }
      tokens = speed.prefillTokens + speed.decodeTokens
      answers = generations.map { ended(tokenizer.decode($0.tokens)) }
      figures = TaskAnswers.figures(
        answers,
        expected: examples.map { example in
          if case .text(let text, _) = example.answer { text } else { "" }
        }, of: task)
    }
    return TaskReport(
      name: task.name, examples: examples.count, examplesSha256: examplesSHA256, figures: figures,
      cutPrompts: cutPrompts,
      unanswered: unanswered, tokens: tokens, seconds: (ContinuousClock.now - start) / .seconds(1),
      samples: zip(examples, answers).prefix(Self.sampleCount).map { example, answer in
        TaskReport.Sample(
          prompt: example.prompt, expected: example.completion, answer: answer)
      })
  }

  /// - Returns: nil when it was asked to stop.
  private func choices(
    _ questions: [LikelihoodScorer.Question], _ model: InferenceModel, team: ComputeTeam,
    isCancelled: () -> Bool, progress: (Double) -> Void
  ) throws(InferenceError) -> (choices: [TaskAnswers.Choice], tokens: Int)? {
    var scorer = LikelihoodScorer(
      model, length: questions.map(\.length).max() ?? 1, team: team)
    var choices: [TaskAnswers.Choice] = []
    while choices.count < questions.count {
      if isCancelled() { return nil }
      let batch = LikelihoodScorer.batch(questions, from: choices.count)
      for (scores, example) in zip(try scorer.scores(questions[batch]), examples[batch]) {
        guard case .option(let expected, _, let bytes) = example.answer else { continue }
        choices.append(
          TaskAnswers.Choice(
            expected: expected, predicted: Self.largest(scores),
            predictedNorm: Self.largest(zip(scores, bytes).map { $0 / Double($1) })))
      }
      progress(Double(choices.count) / Double(questions.count))
    }
    return (choices, scorer.tokens)
  }

  /// The first of the largest; nil when one is not finite.
  private static func largest(_ scores: [Double]) -> Int? {
    guard scores.allSatisfy(\.isFinite) else { return nil }
    return scores.indices.max { scores[$0] < scores[$1] || (scores[$0] == scores[$1] && $0 > $1) }
  }

  /// An answer up to the first text that ends it.
  private func ended(_ answer: String) -> String {
    var answer = answer[...]
    for stop in task.stop {
      if let place = answer.range(of: stop) { answer = answer[..<place.lowerBound] }
    }
    return String(answer)
  }
}

extension TaskDescription {
  /// Whether the task can be asked of models with this tokenizer: label words must differ from
  /// their first token on.
  ///
  /// - Throws: `.sameFirstToken`, `.noTokens`.
  package func check(_ tokenizer: Tokenizer) throws(TaskError) {
    guard case .labels(_, _, let words, _) = answer else { return }
    var firsts: [Int32: String] = [:]
    for word in words {
      guard let first = tokenizer.encodeContinuation(word).first else {
        throw .noTokens(line: 1, text: word)
      }
      if let other = firsts.updateValue(word, forKey: first) {
        throw .sameFirstToken(other, word, token: tokenizer.string(of: first))
      }
    }
  }
}
