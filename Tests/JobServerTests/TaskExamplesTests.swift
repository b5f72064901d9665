import Corpora
import Foundation
import JobAPI
import Jobs
import TestSupport
import Testing
import Tokenization

@testable import JobServer

/// A task's file as a corpus.
struct TaskExamplesTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let table = "sentence\tlabel\n" + (0..<10).map { "s\($0)\t\($0 % 2)\n" }.joined()
    try Data(table.utf8).write(to: folder["train.tsv"])
    try Data("sentence\tlabel\nheld\t1\n".utf8).write(to: folder["dev.tsv"])
  }

  private var paths: ReadablePaths { ReadablePaths(base: folder.url.path, roots: []) }

  /// The first letters of the prompts of a part; nil when it has none.
  private func prompts(_ corpus: TaskCorpus, _ part: CorpusPartName?) throws -> [String]? {
    do {
      guard case .pairs(let pairs) = try CorpusSource.task(corpus).load(part: part, paths: paths)
      else { return nil }
      return pairs.map { String($0.prompt.prefix { $0 != "\n" }) }
    } catch let problem as Problem {
      guard problem.detail.contains("too small to have a validation part") else { throw problem }
      return nil
    }
  }

  @Test func `nothing held out, the file is all of train and of test`() throws {
    var corpus = TaskCorpus(task: .named("sst2"), path: "train.tsv")
    let all = (0..<10).map { "s\($0)" }
    #expect(try prompts(corpus, nil) == all)
    #expect(try prompts(corpus, .test) == all)
    #expect(try prompts(corpus, .validation) == nil)
    corpus.limit = 3
    #expect(try prompts(corpus, .train) == ["s0", "s1", "s2"])
  }

  @Test func `what is held out is neither trained on nor missing`() throws {
    var corpus = TaskCorpus(task: .named("sst2"), path: "train.tsv")
    corpus.heldOutFraction = 0.3
    #expect(try prompts(corpus, .train) == (0..<7).map { "s\($0)" })
    #expect(try prompts(corpus, .validation) == ["s7", "s8", "s9"])
    #expect(try prompts(corpus, .test) == ["s7", "s8", "s9"])
    corpus.limit = 2
    #expect(try prompts(corpus, .validation) == ["s7", "s8"])
  }

  @Test func `the validation part may be a file of its own`() throws {
    var corpus = TaskCorpus(task: .named("sst2"), path: "train.tsv")
    corpus.validationPath = "dev.tsv"
    #expect(try prompts(corpus, .validation) == ["held"])
    #expect(try prompts(corpus, .train)?.count == 10)
  }

  @Test func `a description may be a file, and what is wrong is named`() throws {
    let description = #"{"name":"own","prompt":"{sentence}?","answer":{"column":"label"}}"#
    try Data(description.utf8).write(to: folder["own.json"])
    let corpus = TaskCorpus(task: .named("own.json"), path: "dev.tsv")
    #expect(
      try CorpusSource.task(corpus).load(paths: paths).texts == ["held?1"])
    let cases: [(TaskSource, String, String)] = [
      (.named("sst"), "dev.tsv", "there is no task \"sst\""),
      (.named("none.json"), "dev.tsv", "none.json: there is no such file"),
      (.described(["name": "a"]), "dev.tsv", "task description at \"\": expected a field prompt"),
      (.named("mnli"), "dev.tsv", "dev.tsv: the table has no column"),
    ]
    for (task, path, detail) in cases {
      #expect {
        try CorpusSource.task(TaskCorpus(task: task, path: path)).load(paths: paths)
      } throws: { error in
        (error as? Problem)?.detail.contains(detail) == true
      }
    }
  }

  @Test func `labels that a tokenizer cannot tell apart are refused before anything is trained`()
    throws
  {
    let tokenizer = try BytePairTrainer(vocabularySize: 257, specialTokens: ["<|endoftext|>"])
      .train(["bytes only"])
    let description: JSONValue = [
      "name": "a", "prompt": "{sentence}",
      "answer": ["column": "label", "labels": ["0": " no", "1": " yes"]],
    ]
    // In bytes, both begin with a blank.
    let corpus = TaskCorpus(task: .described(description), path: "dev.tsv")
    #expect {
      try CorpusSource.task(corpus).check(tokenizer, paths: paths)
    } throws: { error in
      (error as? Problem)?.detail.contains("begin with the same token") == true
    }
    #expect(throws: Never.self) {
      try CorpusSource.file(FileCorpus(path: "dev.tsv")).check(tokenizer, paths: paths)
    }
  }

  @Test func `a task's prompt is cut for its answer to fit, other pairs are left alone`() throws {
    let tokenizer = try BytePairTrainer(vocabularySize: 257, specialTokens: ["<|endoftext|>"])
      .train(["bytes only"])
    let long = String(repeating: "x", count: 50)
    try Data("sentence\tlabel\n\(long)\t1\n".utf8).write(to: folder["long.tsv"])
    let corpus = CorpusSource.task(TaskCorpus(task: .named("sst2"), path: "long.tsv"))
    guard case .pairs(let pairs) = try corpus.load(paths: paths), let pair = pairs.first else {
      Issue.record("a task is made of pairs")
      return
    }
    let example = TokenizedExample(pair, tokenizer: tokenizer, lengthMax: 40)
    #expect(example.isCut && example.tokens.count == 40)
    #expect(tokenizer.decode(example.tokens.prefix(example.promptCount)).hasSuffix("x\nSentiment:"))
    #expect(
      tokenizer.decode(example.tokens.dropFirst(example.promptCount).dropLast()) == " positive")
    let plain = TokenizedExample(
      CorpusExample(prompt: long, completion: "y"), tokenizer: tokenizer, lengthMax: 10)
    #expect(!plain.isCut && plain.tokens.count == 53)
  }
}
