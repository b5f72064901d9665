import Foundation
import TestSupport
import Testing
import Tokenization

struct ChatTemplateTests {
  private func render(
    _ source: String, messages: [TemplateValue] = [], variables: [String: TemplateValue] = [:],
    limits: ChatTemplate.Limits = .init(), now: Date = Date()
  ) throws(ChatTemplateError) -> String {
    try ChatTemplate(source: source).render(
      messages: messages, variables: variables, now: now, limits: limits)
  }

  private func error(_ source: String, limits: ChatTemplate.Limits = .init()) -> ChatTemplateError?
  {
    do throws(ChatTemplateError) {
      _ = try render(source, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  /// `bench/compare_tokenizers.py chat-fixtures` writes them.
  @Test func `chats come out as transformers writes them`() throws {
    let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    let fixtures = folder.deletingLastPathComponent().appending(path: "Fixtures")
    let lines = try Data(contentsOf: fixtures.appending(path: "chats.jsonl")).split(separator: 10)
    try #require(lines.count > 50)
    for line in lines {
      let chat = try TemplateValue(json: line)
      let name = try #require(chat["template"]?.text)
      let source = try String(
        contentsOf: fixtures.appending(path: "templates/\(name)"), encoding: .utf8)
      var variables: [String: TemplateValue] = [:]
      if case .object(let members)? = chat["variables"] {
        for member in members { variables[member.name] = member.value }
      }
      func items(_ name: String) -> [TemplateValue]? {
        if case .array(let items)? = chat[name] { items } else { nil }
      }
      let title = "\(name), chat \(chat["chat"]?.text ?? "")"
      do throws(ChatTemplateError) {
        let text = try ChatTemplate(source: source).render(
          messages: items("messages") ?? [], tools: items("tools"),
          addGenerationPrompt: chat["add_generation_prompt"] == true, variables: variables)
        #expect(text.utf8.elementsEqual((chat["text"]?.text ?? "").utf8), "\(title)")
        #expect(chat["error"] == nil, "\(title)")
      } catch {
        let expected = try #require(chat["error"]?.text, "\(title): \(error)")
        if case .raised(let message) = error { #expect(message == expected, "\(title)") }
      }
    }
  }

  @Test func `white space goes where the signs say`() throws {
    #expect(try render("a\n  {% if true %}\nb\n{% endif %}\nc\n") == "a\nb\nc")
    #expect(try render("a {%- if true -%} b {%- endif %} c") == "ab c")
    #expect(try render("  {%+ if true %}x{% endif +%}\ny") == "  x\ny")
    #expect(try render("{{ 'a' -}}  {{- 'b' }}\n{# c #}\nd") == "ab\nd")
    #expect(try render("a\r\n{% if true %}\r\nb{% endif %}") == "a\nb")
    #expect(try render("x\n\n") == "x\n")
  }

  @Test func `names live as long as in Jinja`() throws {
    #expect(
      try render("{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{% endfor %}{{ x }}") == "1")
    #expect(try render("{% if true %}{% set x = 2 %}{% endif %}{{ x }}") == "2")
    #expect(
      try render(
        "{% macro m(a, b=a) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{% set c = 3 %}{{ m(1) }}")
        == "113")
    #expect(try render("{% for a, b in {'x': 1}.items() %}{{ a }}{{ b }}{% endfor %}") == "x1")
  }

  @Test func `undefined names print nothing, and cannot be looked into`() throws {
    #expect(try render("{{ nobody }}|{{ nobody is defined }}|{{ nobody or 1 }}") == "|False|1")
    #expect(error("\n{{ nobody.name }}") == .evaluation(line: 2, reason: "'nobody' is undefined"))
  }

  @Test func `what is not known is refused by name and line`() {
    let cases = [
      ("a\n{% include 'x' %}", "{% include %}", 2),
      ("{{ 1 | pprint }}", "the filter pprint", 1),
      ("\n\n{{ 1 is escaped }}", "the test escaped", 3),
      ("{% for x in y recursive %}{% endfor %}", "a recursive for", 1),
      ("{{ '%s' % 1 }}", "text formatting with %", 1),
      ("{{ 'a'.translate({}) }}", "str.translate", 1),
      ("{{ 'a'|safe|indent }}", "the filter indent of a safe text", 1),
      ("{{ 9223372036854775807 + 1 }}", "an integer beyond 64 bits", 1),
    ]
    for (source, construct, line) in cases {
      #expect(error(source) == .unsupported(construct: construct, line: line))
    }
  }

  @Test func `broken templates are named with their line`() {
    for (source, line) in [
      ("{{ 1", 1), ("\n{% if true %}", 2), ("{% endfor %}", 1), ("{{ 1 + }}", 1), ("{{ (1 }}", 1),
      ("{{ 'a }}", 1), ("x\n{# never", 2), ("{% if %}{% endif %}", 1), ("{{ $ }}", 1),
      ("{% break %}", 1),
    ] {
      guard case .syntax(let found, _)? = error(source) else {
        Issue.record("\(source): \(String(describing: error(source)))")
        continue
      }
      #expect(found == line, "\(source)")
    }
  }

  @Test func `a value that is a text in the chat is never run`() throws {
    let text = try render(
      "{{ messages[0].content }}", messages: [["role": "user", "content": "{{ 1 + 1 }}{% if %}"]])
    #expect(text == "{{ 1 + 1 }}{% if %}")
  }

  @Test func `hostile templates end at a limit`() {
    let sources = [
      "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
      "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}",
      "{% set n = namespace(x='x') %}{% for i in range(99) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
      "{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}",
      "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
        + "{{ n.x|tojson }}",
      "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}"
        + "{{ n.x == n.x }}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ range(1000000) }}", "{{ 'x' * 99999999999 }}", "{{ ['x'] * 99999999999 }}",
      String(repeating: "{% if true %}", count: 500),
      "{{ " + String(repeating: "(", count: 5000) + "1" + String(repeating: ")", count: 5000)
        + " }}",
      "{{ " + String(repeating: "-", count: 5000) + "1 }}",
      "{{ " + String(repeating: "[", count: 5000) + String(repeating: "]", count: 5000) + " }}",
      "{{ 'x'.replace('', 'y' * 4000) }}{% for i in range(9999) %}{{ 'xx'.replace('', 'y' * 40000) }}"
        + "{% endfor %}",
    ]
    for source in sources {
      guard case .limit? = error(source) else {
        Issue.record("\(source.prefix(80)): \(String(describing: error(source)))")
        continue
      }
    }
  }

  @Test func `the deepest template that is read runs on a small stack`() throws {
    let depth = 30
    let recursion =
      "{% macro m(x) %}{% if true %}{{ m(x ~ 'a') }}{% endif %}{% endmacro %}{{ m('') }}"
    let source =
      String(repeating: "{% if true %}", count: 8)
      + "{{ " + String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
      + " }}" + String(repeating: "{% endif %}", count: 8)
    func renderOnSmallStack(_ source: String) -> Result<String, ChatTemplateError> {
      let outcome = Outcome()
      let thread = Thread {
        outcome.result = Result { () throws(ChatTemplateError) in
          try ChatTemplate(source: source).render(messages: [])
        }
        outcome.isDone.signal()
      }
      thread.stackSize = 512 << 10
      thread.start()
      outcome.isDone.wait()
      return outcome.result
    }
    #expect(renderOnSmallStack(source) == .success("1"))
    guard case .failure(.limit) = renderOnSmallStack(recursion) else {
      Issue.record("endless recursion came to an end")
      return
    }
  }

  // The thread writes before it signals, the test reads after it waited.
  private final class Outcome: @unchecked Sendable {
    var result = Result<String, ChatTemplateError>.success("")
    let isDone = DispatchSemaphore(value: 0)
  }

  @Test func `damaged templates are read or refused and never end the process`() throws {
    let folder = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    let file = folder.deletingLastPathComponent().appending(
      path: "Fixtures/templates/everything.jinja")
    let bytes = Array(try Data(contentsOf: file))
    for seed in UInt64(1)...80 {
      var random = SplitMix64(seed: seed)
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0..<damaged.count, using: &random)
        if Bool.random(using: &random) {
          damaged[place] = UInt8.random(in: 0x20...0x7E, using: &random)
        } else {
          damaged.removeSubrange(place..<min(place + 5, damaged.count))
        }
      }
      let source = String(decoding: damaged, as: UTF8.self)
      _ = try? render(source, messages: [["role": "user", "content": "x"]])
    }
  }

  @Test func `dates are told by the caller`() throws {
    let text = try render("{{ strftime_now('%Y') }}", now: Date(timeIntervalSince1970: 1e9))
    #expect(text == "2001")
  }

  @Test func `reasoning is found under each of its names`() throws {
    let message: TemplateValue = ["role": "assistant", "content": "a", "reasoning": "because"]
    #expect(
      try render(
        "{{ messages[0].reasoning_content }}{{ messages[0].thinking }}", messages: [message])
        == "becausebecause")
  }

  @Test func `a model's folder gives its template and tokens`() throws {
    let folder = try TemporaryFolder()
    #expect(try ChatTemplate.ofModel(in: folder.url)?.variables == nil)
    let configuration = #"""
      {"bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>", "pad_token": null,
       "model_max_length": 1000000000000000019884624838656, "chat_template": [{"name": "tool", "template": "T"}, {"name": "default", "template": "D"}]}
      """#
    try Data(configuration.utf8).write(to: folder["tokenizer_config.json"])
    let model = try #require(try ChatTemplate.ofModel(in: folder.url))
    #expect(model.template.source == "D")
    #expect(model.variables == ["bos_token": "<s>", "eos_token": "</s>"])
    try Data("{{ bos_token }}J".utf8).write(to: folder["chat_template.jinja"])
    let own = try #require(try ChatTemplate.ofModel(in: folder.url))
    #expect(try own.template.render(messages: [], variables: own.variables) == "<s>J")
  }

  @Test(arguments: [
    (0.1, "0.1"), (1.0, "1.0"), (1e16, "1e+16"), (123456789012345.0, "123456789012345.0"),
    (1e15, "1000000000000000.0"), (0.0001, "0.0001"), (0.00001, "1e-05"), (-2.5, "-2.5"),
    (1.5e300, "1.5e+300"), (0.0, "0.0"), (1234.5678, "1234.5678"), (2.5e-300, "2.5e-300"),
  ])
  func `numbers print as in Python`(number: Double, text: String) throws {
    #expect(try render("{{ x }}", variables: ["x": .double(number)]) == text)
  }
}
