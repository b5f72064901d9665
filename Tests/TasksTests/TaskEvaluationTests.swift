import Evaluation
import Foundation
import Inference
import Kernels
import Tasks
import TestSupport
import Testing
import Tokenization
import Transformer

/// Scores are compared with log-probabilities that are summed up here, token by token, from the
/// logits of one sequence at a time.
struct TaskEvaluationTests {
  private let team = ComputeTeam(threadCount: 2)

  private func model(
    _ tokenizer: Tokenizer, _ quantization: ModelConfiguration.Quantization = .ternary
  ) throws -> InferenceModel {
    let (configuration, parameters) = smallModel(
      vocabulary: tokenizer.vocabularySize, quantization: quantization)
    return try InferenceModel(
      configuration: configuration, parameters: parameters, storage: .fp32, team: team)
  }

  /// The log-probability of `option` behind `prompt`.
  private func logProbability(
    of option: [Int32], after prompt: [Int32], _ model: InferenceModel
  ) throws -> Double {
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: 512, team: team)
    let vocabulary = model.configuration.vocabSize
    var sum = 0.0
    try session.score(prompt + option, sequence: 0) { range, logits in
      for (row, position) in range.enumerated() {
        let place = position + 1 - prompt.count
        guard option.indices.contains(place) else { continue }
        let values = (0..<vocabulary).map { Double(logits[row * vocabulary + $0]) }
        let largest = values.max() ?? 0
        let lse = largest + log(values.reduce(0) { $0 + exp($1 - largest) })
        sum += values[Int(option[place])] - lse
      }
    }
    return sum
  }

  private func largest(_ values: [Double]) -> Int? {
    values.indices.max { values[$0] < values[$1] }
  }

  @Test(arguments: [ModelConfiguration.Quantization.ternary, .none])
  func `labels are told by the sum of their tokens' log-probabilities`(
    quantization: ModelConfiguration.Quantization
  ) throws {
    let tokenizer = try smallTokenizer()
    let model = try model(tokenizer, quantization)
    // One word of one token, and one of several.
    let task = try labelled(#""labels": {"0": " no", "1": " yes please"}"#)
    #expect(tokenizer.encode(" no").count == 1 && tokenizer.encode(" yes please").count > 2)
    var random = SplitMix64(seed: 11)
    let words = ["the", "cat", "dog", "sat", "log"]
    let lines = (0..<150).map { index in
      let count = Int.random(in: 1...40, using: &random)
      let text = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }
      return "\(text.joined(separator: " "))\t\(index % 2)"
    }
    let examples = try read("text\tlabel\n" + lines.joined(separator: "\n"), as: task)
    let report = try #require(
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 512)
        .run(model, team: team))

    var right = 0
    for (index, example) in examples.enumerated() {
      let prompt = tokenizer.encode(example.prompt)
      let scores = try [" no", " yes please"].map {
        try logProbability(of: tokenizer.encode($0), after: prompt, model)
      }
      if largest(scores) == index % 2 { right += 1 }
    }
    #expect(report.value(of: "accuracy") == Double(right) / 150)
    #expect(report.examples == 150 && report.unanswered == 0 && report.cutPrompts == 0)
    // An accuracy of 0 or 1 would agree with almost anything.
    #expect(right > 5 && right < 145)
  }

  @Test func `options are told by likelihood, and by likelihood over bytes`() throws {
    let tokenizer = try smallTokenizer()
    let model = try model(tokenizer)
    let task = try TaskDescription.named("multiple_choice")
    var random = SplitMix64(seed: 12)
    let words = ["the", "cat", "dog", "sat", "log", "mat"]
    func text(_ counts: ClosedRange<Int>) -> String {
      (0..<Int.random(in: counts, using: &random))
        .map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ")
    }
    // Long questions, so that whole pages of the prompt are shared by its options, and options that
    // begin alike for longer than a page.
    let lines = (0..<60).map { index in
      let shared = index % 3 == 0 ? text(40...60) + " " : ""
      let options = (0..<3).map { _ in "\"\(shared + text(1...8))\"" }.joined(separator: ",")
      return #"{"question":"\#(text(1...50))","choices":[\#(options)],"answer":\#(index % 3)}"#
    }
    let examples = try read(lines.joined(separator: "\n"), name: "a.jsonl", as: task)
    let report = try #require(
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 512)
        .run(model, team: team))
    var right = (plain: 0, norm: 0)
    for example in examples {
      guard case .option(let expected, let options, _) = example.answer else { continue }
      let prompt = tokenizer.encode(example.prompt)
      let scores = try options.map {
        try logProbability(of: tokenizer.encode($0), after: prompt, model)
      }
      // The blank before an option does not count.
      let norm = zip(scores, options).map { $0 / Double($1.utf8.count - 1) }
      if largest(scores) == expected { right.plain += 1 }
      if largest(norm) == expected { right.norm += 1 }
    }
    #expect(report.value(of: "accuracy") == Double(right.plain) / 60)
    #expect(report.value(of: "accuracy_norm") == Double(right.norm) / 60)
  }

  @Test func `written answers are judged by every metric that was asked for`() throws {
    let tokenizer = try smallTokenizer()
    let model = try model(tokenizer)
    let task = try TaskDescription(
      json: """
        {"name":"t","prompt":"{q} =>","answer":{"column":"a"},"max_tokens":12,"schema":{},
         "metrics":["exact_match","bleu","rouge1","rouge2","rougeL","rougeLsum","json_valid",
                    "schema_valid"]}
        """)
    // What the model says is the right answer of one example, so that it must be found right.
    let prompt = tokenizer.encode("the cat =>")
    let said = try generateGreedy(
      model: model, prompts: [prompt], maximumNewTokens: 12,
      stop: Set([tokenizer.endOfText].compactMap(\.self)), batch: 1, team: team)
    let answer = tokenizer.decode(said.generations[0].tokens)
    let quoted = String(decoding: try JSONEncoder().encode(answer), as: UTF8.self)
    let lines = #"{"q":"the cat","a":\#(quoted)}"# + "\n" + #"{"q":"the cat","a":"zebra"}"#
    let report = try #require(
      try TaskEvaluation(
        task, read(lines, name: "a.jsonl", as: task), tokenizer: tokenizer, lengthMax: 64
      ).run(model, team: team))
    #expect(report.value(of: "exact_match") == 0.5)
    var bleu = BLEU()
    bleu.add(answer, references: [answer])
    bleu.add(answer, references: ["zebra"])
    #expect(report.value(of: "bleu") == bleu.score)
    for variant in ROUGE.Variant.allCases {
      let scores = [answer, "zebra"].map {
        ROUGE(variant, answer: answer, references: [$0]).fMeasure
      }
      #expect(report.value(of: variant.rawValue) == (scores[0] + scores[1]) / 2)
    }
    let valid = (try? JSONTree(answer)) == nil ? 0.0 : 1.0
    #expect(report.value(of: "json_valid") == valid)
    #expect(report.value(of: "schema_valid") == valid)
    #expect(report.samples.map(\.answer) == [answer, answer])
  }

  @Test func `label figures have their definitions' values and lie within their intervals`() throws
  {
    let tokenizer = try smallTokenizer()
    let model = try model(tokenizer)
    let task = try TaskDescription(
      json: """
        {"name":"t","prompt":"{text} =>","metrics":["accuracy","f1","macro_f1","matthews"],
         "answer":{"column":"label","labels":{"0":" no","1":" yes"}}}
        """)
    var random = SplitMix64(seed: 13)
    let words = ["the", "cat", "dog", "sat", "log"]
    let texts = (0..<80).map { _ in
      (0..<6).map { _ in words.randomElement(using: &random) ?? "" }.joined(separator: " ")
    }
    let labels = texts.map { _ in Int.random(in: 0...1, using: &random) }
    let examples = try read(
      "text\tlabel\n" + zip(texts, labels).map { "\($0)\t\($1)\n" }.joined(), as: task)
    let report = try #require(
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 64)
        .run(model, team: team))
    var counts = [[0.0, 0.0], [0.0, 0.0]]
    for (example, label) in zip(examples, labels) {
      let prompt = tokenizer.encode(example.prompt)
      let scores = try [" no", " yes"].map {
        try logProbability(of: tokenizer.encode($0), after: prompt, model)
      }
      counts[label][largest(scores) ?? 0] += 1
    }
    let (tn, fp, fn, tp) = (counts[0][0], counts[0][1], counts[1][0], counts[1][1])
    let f1 = 2 * tp / (2 * tp + fp + fn)
    let other = 2 * tn / (2 * tn + fp + fn)
    let matthews =
      (tp * tn - fp * fn) / ((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)).squareRoot()
    #expect(report.value(of: "accuracy") == (tp + tn) / 80)
    for (metric, value) in [("f1", f1), ("macro_f1", (f1 + other) / 2), ("matthews", matthews)] {
      let figure = try #require(report.figures.first { $0.metric == metric })
      #expect(abs(try #require(figure.value) - value) < 1e-12)
      #expect(try #require(figure.lower) < value && value < (try #require(figure.upper)))
    }
  }

  @Test func `labels that begin with the same token are refused, by their names`() throws {
    let tokenizer = try smallTokenizer()
    let task = try labelled(#""labels": {"0": " yes sir", "1": " yes madam"}"#)
    let examples = try read("text\tlabel\nthe cat\t1\n", as: task)
    #expect(throws: TaskError.sameFirstToken(" yes sir", " yes madam", token: " yes")) {
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 64)
    }
  }

  @Test func `prompts are cut to the model's window, counted, and refused when nothing is left`()
    throws
  {
    let tokenizer = try smallTokenizer()
    let task = try labelled()
    let long = String(repeating: "the cat ", count: 60)
    let examples = try read("text\tlabel\nthe dog\t0\n\(long)\t1\n", as: task)
    let report = try #require(
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 24)
        .run(try model(tokenizer), team: team))
    #expect(report.cutPrompts == 1)
    #expect {
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 1)
    } throws: { error in
      guard case .promptTooLong(2, 1, 0) = error as? TaskError else { return false }
      return true
    }
  }

  @Test func `an evaluation stops when it is asked to, and tells how far it is`() throws {
    let tokenizer = try smallTokenizer()
    let task = try labelled()
    let lines = (0..<200).map { "the cat\t\($0 % 2)" }.joined(separator: "\n")
    let evaluation = try TaskEvaluation(
      task, read("text\tlabel\n" + lines, as: task), tokenizer: tokenizer, lengthMax: 64)
    let model = try model(tokenizer)
    var shares: [Double] = []
    #expect(
      try evaluation.run(
        model, team: team, isCancelled: { shares.count == 2 }, progress: { shares.append($0) })
        == nil)
    #expect(shares.count == 2 && shares[0] < shares[1] && shares[1] < 1)
    #expect(
      try evaluation.run(model, team: team) {
        shares.last == 1
      } progress: { _ in
      } != nil)
  }

  @Test func `a model whose logits are not finite has no answer, and is never right by chance`()
    throws
  {
    let tokenizer = try smallTokenizer()
    let (configuration, parameters) = smallModel(
      vocabulary: tokenizer.vocabularySize, quantization: .none)
    parameters.values[parameters.layout.views[0].offset] = .nan
    for view in parameters.layout.views where view.name.contains("norm") {
      for index in 0..<view.count { parameters.values[view.offset + index] = .nan }
    }
    let model = try InferenceModel(
      configuration: configuration, parameters: parameters, storage: .fp32, team: team)
    let task = try labelled()
    let examples = try read("text\tlabel\nthe cat\t0\nthe dog\t1\n", as: task)
    let report = try #require(
      try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: 64)
        .run(model, team: team))
    #expect(report.value(of: "accuracy") == 0)
    #expect(report.unanswered == 2)
  }
}
