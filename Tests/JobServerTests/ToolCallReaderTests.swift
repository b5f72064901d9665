import Testing

@testable import JobServer

struct ToolCallReaderTests {
  private typealias Part = ToolCallReader.Part

  /// What the reader makes of a text that comes in pieces of `size` characters, neighbouring texts
  /// joined.
  private func parts(_ text: String, _ form: ToolCallForm, size: Int = 1) -> [Part] {
    var reader = ToolCallReader(form, names: ["weather", "now"])
    var given: [Part] = []
    var rest = Substring(text)
    while !rest.isEmpty {
      given += reader.append(String(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
    given += reader.finish()
    return given.reduce(into: []) { joined, part in
      if case .text(let more) = part, case .text(let before)? = joined.last {
        joined[joined.count - 1] = .text(before + more)
      } else {
        joined.append(part)
      }
    }
  }

  static let weather = #"{"name": "weather", "arguments": {"city": "Köln", "days": [1, 2.50]}}"#
  private static let read = Part.call(
    name: "weather", arguments: #"{"city": "Köln", "days": [1, 2.50]}"#)
  private static let now = Part.call(name: "now", arguments: "{}")

  @Test(arguments: [1, 2, 3, 7, 1000])
  func `Calls between tags are found, whatever the pieces`(size: Int) {
    let call = "<tool_call>\n\(Self.weather)\n</tool_call>"
    #expect(parts(call, .tagged, size: size) == [Self.read])
    #expect(
      parts("\n\(call)\n<tool_call>{\"arguments\": {}, \"name\": \"now\"}</tool_call>\n", .tagged)
        == [Self.read, Self.now])
    #expect(
      parts("Let me see < <tool\n\(call)\n Done.", .tagged, size: size)
        == [.text("Let me see < <tool\n"), Self.read, .text("\n Done.")])
    // A text inside the arguments is no closing.
    #expect(
      parts(
        #"<tool_call>{"name": "now", "arguments": {"a": "}</tool_call>\""}}</tool_call>"#, .tagged,
        size: size) == [.call(name: "now", arguments: #"{"a": "}</tool_call>\""}"#)])
  }

  @Test
  func `A call whose object is whole needs no closing at the end`() {
    #expect(parts("<tool_call>\n\(Self.weather)", .tagged) == [Self.read])
    #expect(parts("<tool_call>\n\(Self.weather)\n</tool_", .tagged) == [Self.read])
  }

  @Test(arguments: [
    "", " ", "no call", "<tool_call>", "<tool_call>\n{\"name\": \"weather\"",
    "<tool_call>{\"name\": \"weather\", \"arguments\": \"{}\"}</tool_call>",
    "<tool_call>{\"name\": \"another\", \"arguments\": {}}</tool_call>",
    "<tool_call>{\"name\": \"now\"}</tool_call>",
    "<tool_call>{\"name\": \"now\", \"arguments\": {}, \"more\": 1}</tool_call>",
    "<tool_call>{\"name\": \"now\", \"arguments\": {},}</tool_call>",
    "<tool_call>{\"name\": \"now\", \"arguments\": {}} and</tool_call>",
    "<tool_call>now</tool_call> 日本 <tool_call",
  ])
  func `What is no call stays the text that it is`(text: String) {
    for size in [1, 4, 1000] {
      #expect(parts(text, .tagged, size: size) == (text.isEmpty ? [] : [.text(text)]))
    }
  }

  @Test
  func `A call behind what is none is found`() {
    let wrong = "<tool_call>{\"name\": \"another\", \"arguments\": {}}</tool_call>"
    #expect(
      parts("\(wrong)<tool_call><tool_call>\(Self.weather)</tool_call>", .tagged)
        == [.text("\(wrong)<tool_call>"), Self.read])
  }

  @Test
  func `A bare call is the whole answer`() {
    let call = #"{"name": "now", "parameters": {"zone": "CET"}}"#
    let read = Part.call(name: "now", arguments: #"{"zone": "CET"}"#)
    #expect(parts(call, .bare) == [read])
    #expect(parts("\n \(call) \n", .bare, size: 3) == [read])
    #expect(
      parts(#"{"type": "function", "name": "now", "parameters": {"zone": "CET"}}"#, .bare)
        == [read])
    for text in [
      "It is \(call)", "\(call) is it", "\(call)\(call)", #"{"now": 1}"#, String(call.dropLast()),
      "{", Self.weather,
    ] {
      #expect(parts(text, .bare) == [.text(text)], "\(text)")
    }
  }

  @Test
  func `The form is what the template tells the model`() {
    let hermes = #"<tool_call>\n{"name": <function-name>, "arguments": <args>}\n</tool_call>"#
    #expect(ToolCallForm(template: hermes) == .tagged)
    #expect(ToolCallForm(template: "<tool_call><function=a> arguments") == nil)
    #expect(
      ToolCallForm(
        template:
          #"{"name": function name, "parameters": dictionary of argument name and its value}"#
      ) == .bare)
    #expect(ToolCallForm(template: "{{ messages }}") == nil)
  }
}
