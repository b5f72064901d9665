import ArgumentParser
import Foundation
import Tokenization

/// Renders chats: a JSON object a line with `template`, `messages` and more, an answer a line.
struct ChatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Render the chats of a file, one JSON object a line.")

  @Argument(help: "The chats.") var file: String

  func run() throws {
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
      print(answer(to: try TemplateValue(json: line.utf8)))
    }
  }

  private func answer(to chat: TemplateValue) -> String {
    var variables: [String: TemplateValue] = [:]
    if case .object(let members)? = chat["variables"] {
      for member in members { variables[member.name] = member.value }
    }
    do throws(ChatTemplateError) {
      let template = try ChatTemplate(source: chat["template"]?.text ?? "")
      let text = try template.render(
        messages: Self.items(chat["messages"]) ?? [], tools: Self.items(chat["tools"]),
        addGenerationPrompt: chat["add_generation_prompt"] == true, variables: variables)
      return #"{"text":\#(JSONText.quoted(text))}"#
    } catch {
      return #"{"error":\#(JSONText.quoted(error.description))}"#
    }
  }

  private static func items(_ value: TemplateValue?) -> [TemplateValue]? {
    guard case .array(let items)? = value else { return nil }
    return items
  }
}
