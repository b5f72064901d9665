import Corpora
import Foundation
import Tasks
import TestSupport
import Testing
import Tokenization

struct TaskFileTests {
  @Test func `SST-2's layout becomes prompts with the label's word`() throws {
    let text = "sentence\tlabel\nan \"odd film \t0\n\ngreat , great \t1\n"
    let examples = try read(text, as: .named("sst2"))
    #expect(examples.map(\.prompt) == ["an \"odd film\nSentiment:", "great , great\nSentiment:"])
    #expect(examples.map(\.completion) == [" negative", " positive"])
    #expect(examples.map(\.line) == [2, 4])
    // The pair has no line break of its own between prompt and answer.
    #expect(examples[1].pair.text == "great , great\nSentiment: positive")
  }

  @Test func `a byte order mark and carriage returns belong to no column`() throws {
    let text = "\u{FEFF}sentence\tlabel\r\ngood\t1\r\nbad\t0\r\n"
    #expect(try read(text, as: .named("sst2")).map(\.completion) == [" positive", " negative"])
  }

  @Test func `GLUE's MNLI and Hugging Face's are the same examples`() throws {
    let table =
      "index\tpromptID\tsentence1\tsentence2\tlabel1\tgold_label\n"
      + "0\t7\tA cat sits.\tAn animal sits.\tneutral\tentailment\n"
    let lines =
      #"{"premise":"A cat sits.","hypothesis":"An animal sits.","label":0,"idx":0}"# + "\n"
    let task = try TaskDescription.named("mnli")
    let glue = try read(table, as: task)
    let huggingFace = try read(lines, name: "a.jsonl", as: task)
    #expect(
      glue.first?.prompt
        == "A cat sits.\nQuestion: An animal sits. True, False or Neither?\nAnswer:")
    #expect(glue.map(\.prompt) == huggingFace.map(\.prompt))
    #expect(glue.map(\.completion) == [" True"])
    #expect(huggingFace.map(\.completion) == [" True"])
  }

  @Test func `options come as a list or as columns, their number as a digit or a letter`() throws {
    let task = try TaskDescription.named("multiple_choice")
    let lines = """
      {"question": "2 + 2?", "choices": ["3", "4", "5"], "answer": 1}
      {"question": "2 + 1?", "choices": ["3", "4", "5"], "answer": "A"}
      """
    let examples = try read(lines, name: "a.jsonl", as: task)
    #expect(examples.map(\.completion) == [" 4", " 3"])
    #expect(
      examples.first?.answer == .option(1, of: [" 3", " 4", " 5"], bytes: [1, 1, 1]))
    let columns = try TaskDescription(
      json: #"{"name":"a","prompt":"{q}","answer":{"choices":["x","y"],"index":"i"}}"#)
    #expect(try read("q\tx\ty\ti\nwhy?\tso\tno\t1\n", as: columns).map(\.completion) == [" no"])
  }

  @Test func `only as many examples are read as are wanted`() throws {
    // The third line would be refused.
    let text = "sentence\tlabel\na\t1\nb\t0\nc\t9\n"
    #expect(try read(text, as: .named("sst2"), limit: 2).count == 2)
  }

  @Test func `a column that is missing is named, with those that are there`() {
    #expect(throws: TaskError.missingColumn(names: ["label"], found: ["sentence", "labels"])) {
      try read("sentence\tlabels\na\t1\n", as: .named("sst2"))
    }
    #expect(throws: TaskError.badLine(number: 2, expected: "a field label or gold_label")) {
      try read(
        #"{"premise":"a","hypothesis":"b","label":1}"# + "\n"
          + #"{"premise":"a","hypothesis":"b"}"#,
        name: "a.jsonl", as: .named("mnli"))
    }
  }

  @Test(arguments: [
    ("good", "2 fields, as the header has, not 1"),
    ("good\t1\t", "2 fields, as the header has, not 3"),
    ("good\t2", #"a label of 0, 1 as label, not "2""#),
    ("good\t", #"a label of 0, 1 as label, not """#),
    ("go\u{0}od\t1", "text in UTF-8"),
  ])
  func `a bad line of a table is named`(line: String, expected: String) {
    #expect(throws: TaskError.badLine(number: 3, expected: expected)) {
      try read("sentence\tlabel\nfine\t1\n\(line)\n", as: .named("sst2"))
    }
  }

  @Test(arguments: [
    ("{", #"a JSON object"#), ("7", "a JSON object"),
    (#"{"question":"q","choices":["a"],"answer":0}"#, "two options or more, none of them empty"),
    (#"{"question":"q","choices":["a",""],"answer":0}"#, "two options or more, none of them empty"),
    (#"{"question":"q","choices":"ab","answer":0}"#, "an array of options as choices"),
    (#"{"question":["q"],"choices":["a","b"],"answer":0}"#, "a text, a number or a boolean"),
    (#"{"question":"q","choices":["a","b"],"answer":2}"#, "the number of an option as answer"),
    (#"{"question":"q","choices":["a","b"],"answer":"C"}"#, "the number of an option as answer"),
  ])
  func `a bad line of JSON is named`(line: String, expected: String) {
    #expect {
      try read("\n\(line)\n", name: "a.jsonl", as: .named("multiple_choice"))
    } throws: { error in
      guard case .badLine(2, let reason) = error as? TaskError else { return false }
      return line == "{" || reason.hasPrefix(expected)
    }
  }

  @Test func `a file without an example is refused, and one of no known kind`() {
    for (text, name) in [("", "a.tsv"), ("sentence\tlabel\n\n", "a.tsv"), ("\n \n", "a.jsonl")] {
      #expect {
        try read(text, name: name, as: .named("sst2"))
      } throws: { error in
        guard case .empty = error as? TaskError else { return false }
        return true
      }
    }
    #expect {
      try read("sentence\tlabel\na\t1\n", name: "a.csv", as: .named("sst2"))
    } throws: { error in
      guard case .unknownFormat = error as? TaskError else { return false }
      return true
    }
  }

  @Test func `bytes that are no text, folders and large files are refused`() throws {
    let folder = try TemporaryFolder()
    let task = try TaskDescription.named("sst2")
    try Data("sentence\tlabel\na".utf8 + [0xFF] + "\t1\n".utf8).write(to: folder["a.tsv"])
    #expect(throws: TaskError.badLine(number: 2, expected: "text in UTF-8")) {
      try TaskFile.read(folder["a.tsv"], as: task)
    }
    #expect(throws: TaskError.tooLarge(path: folder["a.tsv"].path, limitBytes: 10)) {
      try TaskFile.read(folder["a.tsv"], as: task, fileBytesMax: 10)
    }
    try FileManager.default.createDirectory(at: folder["b.tsv"], withIntermediateDirectories: true)
    #expect(throws: TaskError.unavailable(path: folder["b.tsv"].path, reason: "not a regular file"))
    {
      try TaskFile.read(folder["b.tsv"], as: task)
    }
  }

  @Test func `lines that cross the reader's chunks stay whole`() throws {
    // Three chunks of a mebibyte, and lines of lengths that divide no chunk.
    let sentences = (0..<700).map { String(repeating: "s\($0) ", count: 900) }
    let text =
      "sentence\tlabel\n"
      + sentences.enumerated().map { "\($1)\t\($0 % 2)\n" }.joined()
    #expect(text.utf8.count > 2 << 20)
    let examples = try read(text, as: .named("sst2"))
    #expect(examples.count == 700)
    for (example, sentence) in zip(examples, sentences) {
      #expect(example.prompt.hasPrefix(sentence.dropLast() + "\nSentiment:"))
    }
  }

  @Test func `the longest column is cut at its end, on whole characters, and nothing else`() throws
  {
    let tokenizer = try smallTokenizer()
    let task = try TaskDescription(
      json: #"{"name":"t","prompt":"{a}|{b} =>","answer":{"column":"c"}}"#)
    let long = String(repeating: "the cät sat. ", count: 40)
    let example = try #require(
      try read(#"{"a":"the dog","b":"\#(long)","c":"x"}"#, name: "a.jsonl", as: task).first)
    let whole = tokenizer.encode(example.prompt).count
    for limit in [whole, whole - 1, whole / 2, 20] {
      let fitted = FittedPrompt(
        example.prompt, cuttable: example.cuttable, tokenizer: tokenizer, limit: limit)
      #expect(fitted.tokens.count <= limit)
      // Nearly all that fits is kept.
      #expect(fitted.tokens.count > limit - 8)
      #expect(fitted.isCut == (limit < whole))
      let text = tokenizer.decode(fitted.tokens)
      #expect(text.hasPrefix("the dog|the c") && text.hasSuffix(" =>"))
      #expect(!text.contains("\u{FFFD}"))
    }
    #expect(
      FittedPrompt(example.prompt, cuttable: example.cuttable, tokenizer: tokenizer, limit: 3)
        .tokens.count > 3)
  }
}
