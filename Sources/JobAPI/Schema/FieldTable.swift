// A field table says everything about an object once: names, shapes, defaults, documentation,
// and the rules between fields. Reading, canonical writing and the OpenAPI schema all follow it.

package import Jobs

/// The fields of one kind of object.
package struct FieldTable<Value: Sendable>: Sendable {
  /// The name of the schema in the OpenAPI document, such as `TrainSpec`.
  package let name: String
  /// What the object is, one sentence.
  package let summary: String
  /// The value before anything is read: the defaults.
  package let initial: Value
  /// The fields in the order of the canonical form.
  package let fields: [Field<Value>]
  /// Sets defaults that depend on another field of the same object, before the fields are read.
  let prepare: @Sendable (JSONObject, inout Value) -> Void
  /// Rules between fields; runs only when every field by itself is right.
  let check: @Sendable (Value, JSONPointer) -> [FieldError]

  /// A table; see the properties.
  package init(
    _ name: String, _ summary: String, initial: Value,
    prepare: @escaping @Sendable (JSONObject, inout Value) -> Void = { _, _ in },
    check: @escaping @Sendable (Value, JSONPointer) -> [FieldError] = { _, _ in [] },
    fields: [Field<Value>]
  ) {
    self.name = name
    self.summary = summary
    self.initial = initial
    self.fields = fields
    self.prepare = prepare
    self.check = check
  }

  /// Reads an object, naming all its faults at once.
  ///
  /// - Parameters:
  ///   - base: the value of what the object leaves out.
  ///   - pointer: where the object is.
  ///   - errors: faults are added here.
  /// - Returns: nil after a fault.
  package func read(
    _ json: JSONValue, base: Value?, at pointer: JSONPointer, errors: inout [FieldError]
  ) -> Value? {
    let faultsBefore = errors.count
    let value = partial(json, base: base, at: pointer, errors: &errors)
    return errors.count == faultsBefore ? value : nil
  }

  /// Reads as much of an object as is right, for a caller that has more to look at after a fault.
  package func partial(
    _ json: JSONValue, base: Value?, at pointer: JSONPointer, errors: inout [FieldError]
  ) -> Value {
    guard case .object(let object) = json else {
      errors.append(pointer.fault("must be an object, not \(brief(json))"))
      return base ?? initial
    }
    let faultsBefore = errors.count
    var value = base ?? initial
    prepare(object, &value)
    let names = fields.flatMap(\.names)
    errors += unknownFields(of: object, among: names, at: pointer)
    for field in fields {
      field.read(object, &value, pointer, &errors)
    }
    if errors.count == faultsBefore { errors += check(value, pointer) }
    return value
  }

  /// Reads an object that stands alone.
  package func read(_ json: JSONValue, base: Value? = nil) throws(SpecError) -> Value {
    var errors: [FieldError] = []
    let value = read(json, base: base, at: .root, errors: &errors)
    guard let value, errors.isEmpty else { throw SpecError(errors) }
    return value
  }

  /// The canonical form: every field that has a value, in the table's order.
  package func write(_ value: Value) -> JSONValue {
    .object(JSONObject(fields.flatMap { $0.write(value) }))
  }

  /// The JSON Schema, with defaults from `initial`.
  package var schema: JSONValue {
    var schema: [(String, JSONValue)] = [
      ("type", "object"), ("description", .string(summary)),
      ("properties", .object(JSONObject(fields.flatMap { $0.properties(initial) }))),
    ]
    let required = fields.flatMap(\.requiredNames)
    if !required.isEmpty { schema.append(("required", .array(required.map { .string($0) }))) }
    let exclusive = fields.flatMap(\.exclusions)
    if !exclusive.isEmpty { schema.append(("allOf", .array(exclusive))) }
    schema.append(("additionalProperties", false))
    return .object(JSONObject(schema))
  }

  /// The table as the shape of a nested object.
  package var shape: Shape<Value> {
    Shape(
      read: { json, base, pointer, errors in
        self.read(json, base: base, at: pointer, errors: &errors)
      }, write: write, schema: schema)
  }
}

/// The faults of names that no field has.
func unknownFields(
  of object: JSONObject, among names: [String], at pointer: JSONPointer
) -> [FieldError] {
  let unknown = object.lazy.map(\.0).filter { !names.contains($0) }
  // Enough to see what is meant; a megabyte of names would make an answer of several.
  return unknown.prefix(100).map { name in
    let place = pointer.member(name)
    if let nearest = nearestName(to: name, among: names) {
      return place.fault("unknown field; did you mean \"\(nearest)\"?")
    }
    let known = names.sorted().joined(separator: ", ")
    return place.fault("unknown field; \(names.isEmpty ? "there are none" : "known are \(known)")")
  }
}

/// One row of a field table: a name, or a group of names that exclude each other.
package struct Field<Owner: Sendable>: Sendable {
  /// The JSON names that the row owns.
  package let names: [String]
  let requiredNames: [String]
  /// Schemas that say which names exclude each other.
  let exclusions: [JSONValue]
  let read: @Sendable (JSONObject, inout Owner, JSONPointer, inout [FieldError]) -> Void
  let write: @Sendable (Owner) -> [(String, JSONValue)]
  /// The schema of each name, given the defaults.
  let properties: @Sendable (Owner) -> [(String, JSONValue)]
}

extension Field {
  /// A field with a default: the value that the property has before reading.
  package static func field<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Owner, Value> & Sendable, _ shape: Shape<Value>,
    _ documentation: String
  ) -> Field {
    Field(
      names: [name], requiredNames: [], exclusions: [],
      read: { object, owner, pointer, errors in
        guard let json = object[name] else { return }
        let base = owner[keyPath: path]
        if let value = shape.read(json, base, pointer.member(name), &errors) {
          owner[keyPath: path] = value
        }
      },
      write: { [(name, shape.write($0[keyPath: path]))] },
      properties: { initial in
        let standard = shape.write(initial[keyPath: path])
        return [(name, shape.schema.documented(documentation, standard: standard))]
      })
  }

  /// A field that must be there.
  package static func required<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Owner, Value> & Sendable, _ shape: Shape<Value>,
    _ documentation: String
  ) -> Field {
    Field(
      names: [name], requiredNames: [name], exclusions: [],
      read: { object, owner, pointer, errors in
        guard let json = object[name] else {
          errors.append(
            pointer.member(name).fault("is required: \(documentation)"))
          return
        }
        let base = owner[keyPath: path]
        if let value = shape.read(json, base, pointer.member(name), &errors) {
          owner[keyPath: path] = value
        }
      },
      write: { [(name, shape.write($0[keyPath: path]))] },
      properties: { _ in [(name, shape.schema.documented(documentation, standard: nil))] })
  }

  /// A field that may be left out; `null` says the same. Left out of the canonical form when nil.
  package static func optional<Value: Sendable>(
    _ name: String, _ path: any WritableKeyPath<Owner, Value?> & Sendable, _ shape: Shape<Value>,
    _ documentation: String
  ) -> Field {
    Field(
      names: [name], requiredNames: [], exclusions: [],
      read: { object, owner, pointer, errors in
        guard let json = object[name] else { return }
        guard json != .null else {
          owner[keyPath: path] = nil
          return
        }
        let base = owner[keyPath: path]
        if let value = shape.read(json, base, pointer.member(name), &errors) {
          owner[keyPath: path] = value
        }
      },
      write: { owner in owner[keyPath: path].map { [(name, shape.write($0))] } ?? [] },
      properties: { _ in
        [(name, shape.schema.orNull.documented(documentation, standard: nil))]
      })
  }

  /// Several names of which at most one, or exactly one, may be there.
  ///
  /// - Parameters:
  ///   - presence: whether leaving all out means the default or is a fault.
  package static func exclusive<Value: Sendable>(
    _ path: any WritableKeyPath<Owner, Value> & Sendable, _ presence: Presence,
    _ alternatives: [Alternative<Value>]
  ) -> Field {
    let names = alternatives.map(\.name)
    let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
    let oneOf = names.map { name -> JSONValue in ["required": [.string(name)]] }
    let none: JSONValue = ["not": ["anyOf": .array(oneOf)]]
    return Field(
      names: names, requiredNames: [],
      exclusions: [["oneOf": .array(presence == .required ? oneOf : oneOf + [none])]],
      read: { object, owner, pointer, errors in
        let present = alternatives.filter { object[$0.name] != nil }
        guard present.count <= 1 else {
          for alternative in present {
            let place = pointer.member(alternative.name)
            errors.append(place.fault("give only one of \(list)"))
          }
          return
        }
        guard let alternative = present.first, let json = object[alternative.name] else {
          if presence == .required {
            errors.append(pointer.fault("one of \(list) is required"))
          }
          return
        }
        let place = pointer.member(alternative.name)
        if let value = alternative.read(json, place, &errors) { owner[keyPath: path] = value }
      },
      write: { owner in
        alternatives.compactMap { alternative in
          alternative.write(owner[keyPath: path]).map { (alternative.name, $0) }
        }
      },
      properties: { initial in
        alternatives.map { alternative in
          let standard =
            presence == .required ? nil : alternative.write(initial[keyPath: path])
          return (
            alternative.name,
            alternative.schema.documented(alternative.documentation, standard: standard)
          )
        }
      })
  }
}

extension Field {
  /// The row of a part as a row of the whole, on the same level of the JSON.
  package func within<Whole: Sendable>(
    _ path: any WritableKeyPath<Whole, Owner> & Sendable
  ) -> Field<Whole> {
    Field<Whole>(
      names: names, requiredNames: requiredNames, exclusions: exclusions,
      read: { object, whole, pointer, errors in
        self.read(object, &whole[keyPath: path], pointer, &errors)
      },
      write: { self.write($0[keyPath: path]) },
      properties: { self.properties($0[keyPath: path]) })
  }
}

/// Whether a group of exclusive names may be left out.
package enum Presence: Sendable {
  case required, defaulted
}

/// One of several names that exclude each other.
package struct Alternative<Value: Sendable>: Sendable {
  let name: String
  let documentation: String
  let schema: JSONValue
  let read: @Sendable (JSONValue, JSONPointer, inout [FieldError]) -> Value?
  let write: @Sendable (Value) -> JSONValue?

  /// A name, the shape of what it carries, and how that becomes the common value.
  ///
  /// - Parameter unwrap: what it carries, or nil when the common value is another alternative.
  package init<Payload: Sendable>(
    _ name: String, _ shape: Shape<Payload>, _ documentation: String,
    wrap: @escaping @Sendable (Payload) -> Value,
    unwrap: @escaping @Sendable (Value) -> Payload?
  ) {
    self.name = name
    self.documentation = documentation
    schema = shape.schema
    read = { json, pointer, errors in shape.read(json, nil, pointer, &errors).map(wrap) }
    write = { value in unwrap(value).map(shape.write) }
  }
}

extension JSONValue {
  /// This schema with a description and perhaps a default.
  func documented(_ documentation: String, standard: JSONValue?) -> JSONValue {
    guard case .object(let object) = self else { return self }
    var members = object.filter { $0.0 != "description" && $0.0 != "default" }
      .map { ($0.0, $0.1) }
    members.append(("description", .string(documentation)))
    if let standard { members.append(("default", standard)) }
    return .object(JSONObject(members))
  }

  /// This schema, or null.
  var orNull: JSONValue {
    ["anyOf": [self, ["type": "null"]]]
  }
}
