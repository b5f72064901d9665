// How one JSON value is read, written and described.
//
// A `Shape` is the only description of a kind of value: what it accepts, what it says when it
// does not, how it is written back, and its JSON Schema. Shapes of objects are built from field
// tables (FieldTable.swift); everything that crosses the wire inwards is read by one.

package import Jobs

/// Reads, writes and describes one kind of JSON value.
package struct Shape<Value: Sendable>: Sendable {
  /// Reads a value.
  ///
  /// Arguments: the JSON; the value that stands for what an object leaves out; the place, for
  /// the faults; the list that faults are added to. Returns nil when the JSON is unusable, after
  /// having added at least one fault.
  package let read: @Sendable (JSONValue, Value?, JSONPointer, inout [FieldError]) -> Value?
  /// Writes a value in its canonical form, which reads back as the same value.
  package let write: @Sendable (Value) -> JSONValue
  /// The JSON Schema (2020-12) of what is accepted.
  package let schema: JSONValue
}

extension Shape {
  /// A shape of scalars, where nothing stands for what is left out.
  ///
  /// - Parameters:
  ///   - expectation: what is accepted, in the words "an integer from 1 to 10".
  ///   - parse: the value, or nil when the JSON is something else.
  init(
    _ expectation: String, schema: JSONValue,
    parse: @escaping @Sendable (JSONValue) -> Value?,
    write: @escaping @Sendable (Value) -> JSONValue
  ) {
    self.init(
      read: { json, _, pointer, errors in
        if let value = parse(json) { return value }
        errors.append(
          pointer.fault("must be \(expectation), not \(brief(json))"))
        return nil
      }, write: write, schema: schema)
  }
}

/// A value in an error text: short, and never a long string, which could be a secret.
func brief(_ json: JSONValue) -> String {
  switch json {
  case .null: "null"
  case .bool(let flag): flag ? "true" : "false"
  case .int(let number): "\(number)"
  case .double(let number): "\(number)"
  case .string(let text) where text.isEmpty: "an empty string"
  case .string(let text) where text.utf8.count <= 32: "\"\(text)\""
  case .string: "a long string"
  case .array: "an array"
  case .object: "an object"
  }
}
