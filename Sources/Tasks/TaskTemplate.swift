/// A prompt with places for columns: `{premise}\nQuestion: {hypothesis}`. `{{` and `}}` stand for
/// braces.
package struct TaskTemplate: Equatable, Sendable {
  private enum Piece: Equatable, Sendable {
    case text(String)
    case column(String)
  }

  private var pieces: [Piece] = []

  /// Reads a template.
  ///
  /// - Throws: `.badDescription` for a brace without its partner, and for a place without a name.
  package init(_ template: String) throws(TaskError) {
    let wrong = TaskError.badDescription(
      pointer: "/prompt", expected: "places like {column}, and {{ or }} for a brace")
    var text = ""
    var rest = Substring(template)
    while let character = rest.popFirst() {
      switch character {
      case "{" where rest.first == "{", "}" where rest.first == "}":
        rest.removeFirst()
        text.append(character)
      case "{":
        guard let end = rest.firstIndex(of: "}") else { throw wrong }
        let name = rest[..<end]
        guard !name.isEmpty, !name.contains("{") else { throw wrong }
        if !text.isEmpty { pieces.append(.text(text)) }
        text = ""
        pieces.append(.column(String(name)))
        rest = rest[rest.index(after: end)...]
      case "}": throw wrong
      default: text.append(character)
      }
    }
    if !text.isEmpty { pieces.append(.text(text)) }
  }

  /// The columns that it names, each once, in order.
  package var columns: [String] {
    var names: [String] = []
    for case .column(let name) in pieces where !names.contains(name) { names.append(name) }
    return names
  }

  /// The prompt of one example.
  ///
  /// - Parameter values: text by column; every column of the template must be there.
  /// - Returns: the text, and where in it the longest column lies, in bytes: what may be cut.
  func filled(_ values: [String: String]) -> (text: String, longest: Range<Int>) {
    var text = ""
    var longest = 0..<0
    for piece in pieces {
      switch piece {
      case .text(let fixed): text += fixed
      case .column(let name):
        let start = text.utf8.count
        text += values[name] ?? ""
        let place = start..<text.utf8.count
        if place.count > longest.count { longest = place }
      }
    }
    return (text, longest)
  }
}
