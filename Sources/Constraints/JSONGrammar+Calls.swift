package import Tokenization

extension JSONGrammar {
  /// A function that can be called.
  package struct Function: Sendable {
    package let name: String
    /// A schema of an object; nil takes any.
    package let parameters: TemplateValue?

    package init(name: String, parameters: TemplateValue?) {
      self.name = name
      self.parameters = parameters
    }
  }

  /// Answers that are one call of one of `functions`: `opening`, an object of `name` and the
  /// arguments, `closing`.
  ///
  /// - Parameter argumentsName: the member that holds the arguments.
  /// - Throws: the number of the function whose schema answers cannot be held to, and why.
  package init(
    calling functions: [Function], opening: String, argumentsName: String, closing: String
  ) throws(FunctionRefusal) {
    self.init()
    var calls: [ByteGrammar.RuleID] = []
    for (index, function) in functions.enumerated() {
      let arguments: ByteGrammar.RuleID
      do throws(SchemaRefusal) {
        arguments = try self.arguments(function.parameters)
      } catch {
        throw FunctionRefusal(index: index, schema: error)
      }
      calls.append(
        edit { grammar in
          let name = TemplateValue.string(function.name).compactJSON
          return grammar.sequence(
            grammar.text(#"{"name": \#(name), "\#(argumentsName)": "#), arguments,
            grammar.text("}"))
        })
    }
    let (before, after) = (edit { $0.text(opening) }, edit { $0.text(closing) })
    beginExactly(with: edit { $0.add(.sequence([before, $0.add(.choice(calls)), after])) })
  }

  private mutating func arguments(
    _ parameters: TemplateValue?
  ) throws(SchemaRefusal) -> ByteGrammar.RuleID {
    // A schema that says nothing takes anything, but arguments are an object.
    guard let parameters, parameters != .object([]) else { return parts.object }
    return try addRule(of: parameters)
  }
}

/// Why answers cannot be held to calls of a function.
package struct FunctionRefusal: Error, Equatable {
  /// Of the functions, which.
  package let index: Int
  package let schema: SchemaRefusal
}
