package import Jobs

extension Shape where Value == Int {
  /// An integer in a range; `3.0` counts as 3, as in JSON Schema.
  package static func integer(_ range: ClosedRange<Int>) -> Shape {
    Shape(
      "an integer from \(range.lowerBound) to \(range.upperBound)",
      schema: [
        "type": "integer", "minimum": .int(Int64(range.lowerBound)),
        "maximum": .int(Int64(range.upperBound)),
      ],
      parse: { json in json.intValue.flatMap { range.contains(Int($0)) ? Int($0) : nil } },
      write: { .int(Int64($0)) })
  }
}

extension Shape where Value == UInt64 {
  /// The seed of a random generator: 0 to 2^63 - 1, the largest integer JSON readers agree on.
  package static var seed: Shape {
    Shape(
      "an integer from 0 to \(Int64.max)",
      schema: ["type": "integer", "minimum": 0, "maximum": .int(Int64.max)],
      parse: { json in json.intValue.flatMap { UInt64(exactly: $0) } },
      write: { .int(Int64($0)) })
  }
}

extension Shape where Value == Double {
  /// A number in a closed range.
  package static func number(_ range: ClosedRange<Double>) -> Shape {
    Shape(
      "a number from \(range.lowerBound) to \(range.upperBound)",
      schema: [
        "type": "number", "minimum": .double(range.lowerBound),
        "maximum": .double(range.upperBound),
      ],
      parse: { json in json.finiteNumber.flatMap { range.contains($0) ? $0 : nil } },
      write: { .double($0) })
  }

  /// A number above one bound and not above another.
  package static func number(above lower: Double, through upper: Double) -> Shape {
    Shape(
      "a number above \(lower) and at most \(upper)",
      schema: [
        "type": "number", "exclusiveMinimum": .double(lower), "maximum": .double(upper),
      ],
      parse: { json in json.finiteNumber.flatMap { $0 > lower && $0 <= upper ? $0 : nil } },
      write: { .double($0) })
  }
}

extension Shape where Value == Bool {
  /// `true` or `false`.
  package static var boolean: Shape {
    Shape(
      "true or false", schema: ["type": "boolean"],
      parse: { $0.boolValue },
      write: { .bool($0) })
  }
}

extension Shape where Value == String {
  /// A text of a length in Unicode code points, without NUL.
  package static func text(_ lengths: ClosedRange<Int>) -> Shape {
    Shape(
      "a string of \(lengths.lowerBound) to \(lengths.upperBound) characters without NUL",
      schema: [
        "type": "string", "minLength": .int(Int64(lengths.lowerBound)),
        "maxLength": .int(Int64(lengths.upperBound)),
      ],
      parse: { json in
        guard case .string(let text) = json, lengths.contains(text.unicodeScalars.count),
          !text.utf8.contains(0)
        else { return nil }
        return text
      }, write: { .string($0) })
  }

  /// The path of a file on the daemon's machine: absolute, or relative to its data folder.
  package static var path: Shape { text(1...4096) }
}

extension Shape where Value: RawRepresentable<String> & CaseIterable {
  /// One of the raw values of an enum.
  package static var choice: Shape {
    let names = Value.allCases.map(\.rawValue)
    let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
    return Shape(
      names.count == 1 ? list : "one of \(list)",
      schema: ["type": "string", "enum": .array(names.map { .string($0) })],
      parse: { json in
        guard case .string(let text) = json else { return nil }
        return Value(rawValue: text)
      }, write: { .string($0.rawValue) })
  }
}

extension Shape {
  /// Any JSON value, kept as it is; who holds it reads it later.
  package static func any(_ schema: JSONValue) -> Shape where Value == JSONValue {
    Shape(read: { json, _, _, _ in json }, write: { $0 }, schema: schema)
  }

  /// A list whose elements share a shape.
  package static func array<Element: Sendable>(
    of element: Shape<Element>, _ counts: ClosedRange<Int>
  ) -> Shape where Value == [Element] {
    Shape(
      read: { json, _, pointer, errors in
        guard case .array(let elements) = json, counts.contains(elements.count) else {
          let expectation = "an array of \(counts.lowerBound) to \(counts.upperBound) elements"
          let found = json.arrayValue.map { "\($0.count) elements" } ?? brief(json)
          errors.append(
            pointer.fault("must be \(expectation), not \(found)"))
          return nil
        }
        var values: [Element] = []
        for (index, json) in elements.enumerated() {
          let place = pointer.element(index)
          if let value = element.read(json, nil, place, &errors) { values.append(value) }
        }
        return values.count == elements.count ? values : nil
      },
      write: { .array($0.map(element.write)) },
      schema: [
        "type": "array", "items": element.schema, "minItems": .int(Int64(counts.lowerBound)),
        "maxItems": .int(Int64(counts.upperBound)),
      ])
  }

  /// An object with any names and values of one shape, such as tags.
  package static func dictionary<Element: Sendable>(
    names: ClosedRange<Int>, values: Shape<Element>, atMost maximumCount: Int
  ) -> Shape where Value == [String: Element] {
    Shape(
      read: { json, _, pointer, errors in
        guard case .object(let object) = json, object.count <= maximumCount else {
          errors.append(
            pointer.fault(
              "must be an object of at most \(maximumCount) members, not \(brief(json))"))
          return nil
        }
        var result: [String: Element] = [:]
        for (name, json) in object {
          let place = pointer.member(name)
          if !names.contains(name.unicodeScalars.count) || name.utf8.contains(0) {
            errors.append(
              place.fault(
                "the name must have \(names.lowerBound) to \(names.upperBound) characters"))
          } else if let value = values.read(json, nil, place, &errors) {
            result[name] = value
          }
        }
        return result.count == object.count ? result : nil
      },
      write: { items in
        .object(
          JSONObject(items.sorted { $0.key < $1.key }.map { ($0.key, values.write($0.value)) }))
      },
      schema: [
        "type": "object", "additionalProperties": values.schema,
        "propertyNames": [
          "minLength": .int(Int64(names.lowerBound)), "maxLength": .int(Int64(names.upperBound)),
        ], "maxProperties": .int(Int64(maximumCount)),
      ])
  }
}

extension JSONValue {
  /// The number that this is; nil for an infinity, which no text of JSON can mean.
  fileprivate var finiteNumber: Double? {
    doubleValue.flatMap { $0.isFinite ? $0 : nil }
  }
}
