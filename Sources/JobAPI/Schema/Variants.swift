internal import Jobs

/// One form of an object that comes in several, told apart by a field that only it has.
package struct Variant<Value: Sendable>: Sendable {
  let key: String
  let names: [String]
  let schema: JSONValue
  let read: @Sendable (JSONValue, JSONPointer, inout [FieldError]) -> Value?
  let write: @Sendable (Value) -> JSONValue?

  /// A form described by a field table.
  ///
  /// - Parameters:
  ///   - key: the field that tells this form.
  ///   - unwrap: the form's content, or nil when the value has another form.
  package init<Payload: Sendable>(
    key: String, _ table: FieldTable<Payload>, wrap: @escaping @Sendable (Payload) -> Value,
    unwrap: @escaping @Sendable (Value) -> Payload?
  ) {
    self.key = key
    names = table.fields.flatMap(\.names)
    schema = table.schema
    read = { json, pointer, errors in
      table.read(json, base: nil, at: pointer, errors: &errors).map(wrap)
    }
    write = { value in unwrap(value).map(table.write) }
  }
}

extension Shape {
  /// An object that comes in several forms.
  ///
  /// - Parameter label: what the object is, for the faults: "a corpus".
  package static func variants(_ label: String, _ variants: [Variant<Value>]) -> Shape {
    let list = variants.map { "\"\($0.key)\"" }.joined(separator: " or ")
    return Shape(
      read: { json, _, pointer, errors in
        guard case .object(let object) = json else {
          errors.append(
            pointer.fault("must be an object with \(list), not \(brief(json))"))
          return nil
        }
        let keys = variants.map(\.key).filter { object[$0] != nil }
        // One form's key may be another's field: the form that has all of them is meant.
        let fitting = variants.filter { variant in
          keys.contains(variant.key) && keys.allSatisfy(variant.names.contains)
        }
        let present = fitting.count == 1 ? fitting : variants.filter { keys.contains($0.key) }
        guard present.count <= 1 else {
          for variant in present {
            let place = pointer.member(variant.key)
            errors.append(place.fault("\(label) has only one of \(list)"))
          }
          return nil
        }
        guard let variant = present.first else {
          let names = variants.flatMap(\.names)
          errors += unknownFields(of: object, among: names, at: pointer)
          errors.append(pointer.fault("\(label) needs \(list)"))
          return nil
        }
        return variant.read(json, pointer, &errors)
      },
      write: { value in variants.lazy.compactMap { $0.write(value) }.first ?? .null },
      schema: ["oneOf": .array(variants.map(\.schema))])
  }
}
