import Tasks
import Testing

struct TaskDescriptionTests {
  @Test func `every task of this program can be read, under its own name`() throws {
    for (name, json) in TaskDescription.builtIn {
      let task = try TaskDescription(json: json)
      #expect(task.name == name)
      #expect(try TaskDescription.named(name).metrics == task.metrics)
      #expect(!task.prompt.columns.isEmpty)
    }
    #expect(throws: TaskError.unknownTask("sst", known: TaskDescription.builtIn.map(\.name))) {
      try TaskDescription.named("sst")
    }
  }

  @Test func `labels are numbered by their names, and several may mean one word`() throws {
    let task = try TaskDescription.named("mnli")
    guard case .labels(let column, let classes, let words, let positive) = task.answer else {
      Issue.record("MNLI has labels")
      return
    }
    #expect(column == "label")
    #expect(words == [" True", " Neither", " False"])
    #expect(classes["contradiction"] == 2 && classes["2"] == 2 && classes["entailment"] == 0)
    #expect(positive == 2)
  }

  @Test func `what is left out has a default that fits the answer`() throws {
    let text = try TaskDescription(
      json: #"{"name":"a","prompt":"{q}","answer":{"column":"a"}}"#)
    #expect(text.metrics == [.exactMatch])
    let choices = try TaskDescription(
      json: #"{"name":"a","prompt":"{q}","answer":{"choices":["x","y"],"index":"i"}}"#)
    #expect(choices.metrics == [.accuracy, .accuracyNorm])
    #expect(
      choices.answer == .choices(.columns(["x", "y"]), index: "i", prefix: " "))
  }

  @Test(arguments: [
    (#"[]"#, ""), (#"{"name":"a b","prompt":"","answer":{}}"#, "/name"),
    (#"{"name":"a","promt":"","answer":{}}"#, "/promt"),
    (#"{"name":"a","prompt":"{x","answer":{"column":"y"}}"#, "/prompt"),
    (#"{"name":"a","prompt":"x}","answer":{"column":"y"}}"#, "/prompt"),
    (#"{"name":"a","prompt":"{}","answer":{"column":"y"}}"#, "/prompt"),
    (#"{"name":"a","prompt":"x","answer":{}}"#, "/answer"),
    (#"{"name":"a","prompt":"x","answer":{"column":"y","labels":{"0":"a"}}}"#, "/answer/labels"),
    (
      #"{"name":"a","prompt":"x","answer":{"column":"y","labels":{"0":"a","1":"a"}}}"#,
      "/answer/labels"
    ),
    (
      #"{"name":"a","prompt":"x","answer":{"column":"y","labels":{"0":"a","1":"b"},"positive":"2"}}"#,
      "/answer/positive"
    ),
    (#"{"name":"a","prompt":"x","answer":{"column":"y","index":"z"}}"#, "/answer/index"),
    (#"{"name":"a","prompt":"x","answer":{"column":"y"},"metrics":["accuracy"]}"#, "/metrics/0"),
    (
      #"{"name":"a","prompt":"x","answer":{"column":"y"},"metrics":["bleu","schema_valid"]}"#,
      "/metrics/1"
    ),
    (
      #"{"name":"a","prompt":"x","answer":{"column":"y"},"schema":{"multipleOf":2}}"#, "/schema"
    ),
    (#"{"name":"a","prompt":"x","answer":{"column":"y"},"max_tokens":0}"#, "/max_tokens"),
    (#"{"name":"a","prompt":"x","answer":{"column":"y"},"format":"csv"}"#, "/format"),
  ])
  func `a wrong description is refused at its place`(json: String, pointer: String) {
    #expect {
      try TaskDescription(json: json)
    } throws: { error in
      guard case .badDescription(pointer, _) = error as? TaskError else { return false }
      return true
    }
  }

  @Test func `F1 of a task with three labels has to be the mean`() {
    let json = """
      {"name":"a","prompt":"x","metrics":["f1"],
       "answer":{"column":"y","labels":{"0":"a","1":"b","2":"c"}}}
      """
    #expect(
      throws: TaskError.badDescription(
        pointer: "/metrics", expected: "macro_f1, as f1 is defined for two labels")
    ) { try TaskDescription(json: json) }
  }

  @Test func `a template names its columns once, and keeps doubled braces`() throws {
    let template = try TaskTemplate("{{{a}}} and {b c}, {a}")
    #expect(template.columns == ["a", "b c"])
  }
}
