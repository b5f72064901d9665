package import Jobs

/// One fault of a request: a JSON Pointer into the body, or `/query/NAME` or `/headers/NAME` for
/// faults outside the body, and what is wrong there.
package typealias FieldError = Problem.FieldError

/// A spec, a request or a query with faults: all of them.
package struct SpecError: Error, Equatable, Sendable {
  /// The faults, at least one.
  package var fields: [FieldError]

  /// An error made of at least one fault.
  package init(_ fields: [FieldError]) {
    self.fields = fields
  }
}

/// A place in a JSON document while it is being read.
package struct JSONPointer: Equatable, Sendable {
  /// The RFC 6901 text: empty for the whole document.
  package var text: String

  /// The whole document.
  package static let root = JSONPointer("")

  /// A place by its RFC 6901 text.
  package init(_ text: String) {
    self.text = text
  }

  /// The member `name` of the object here.
  package func member(_ name: String) -> JSONPointer {
    var escaped = ""
    for character in name.unicodeScalars {
      switch character {
      case "~": escaped += "~0"
      case "/": escaped += "~1"
      default: escaped.unicodeScalars.append(character)
      }
    }
    return JSONPointer(text + "/" + escaped)
  }

  /// The element at `index` of the array here.
  package func element(_ index: Int) -> JSONPointer {
    JSONPointer(text + "/\(index)")
  }

  /// A fault here.
  package func fault(_ detail: String) -> FieldError {
    FieldError(pointer: text, detail: detail)
  }
}
