internal import Foundation

extension JSONValue: Codable {
  package init(from decoder: any Decoder) throws {
    if let container = try? decoder.container(keyedBy: MemberName.self) {
      var object = JSONObject()
      for key in container.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
        object[key.stringValue] = try container.decode(JSONValue.self, forKey: key)
      }
      self = .object(object)
    } else if var container = try? decoder.unkeyedContainer() {
      var elements: [JSONValue] = []
      while !container.isAtEnd { elements.append(try container.decode(JSONValue.self)) }
      self = .array(elements)
    } else {
      let container = try decoder.singleValueContainer()
      if container.decodeNil() {
        self = .null
      } else if let value = try? container.decode(Bool.self) {
        self = .bool(value)
      } else if let value = try? container.decode(Int64.self) {
        self = .int(value)
      } else if let value = try? container.decode(Double.self) {
        self = .double(value)
      } else {
        self = .string(try container.decode(String.self))
      }
    }
  }

  package func encode(to encoder: any Encoder) throws {
    switch self {
    case .null:
      var container = encoder.singleValueContainer()
      try container.encodeNil()
    case .bool(let value): try value.encode(to: encoder)
    case .int(let value): try value.encode(to: encoder)
    case .double(let value): try value.encode(to: encoder)
    case .string(let value): try value.encode(to: encoder)
    case .array(let value): try value.encode(to: encoder)
    case .object(let object):
      var container = encoder.container(keyedBy: MemberName.self)
      for (key, value) in object {
        try container.encode(value, forKey: MemberName(stringValue: key))
      }
    }
  }

  /// The JSON of any `Encodable` value; numbers that are not finite become `null`.
  ///
  /// - Parameter keys: how the type's property names are to stand in the JSON.
  /// - Throws: what the value's `encode` throws.
  package init(encoding value: some Encodable, keys: KeyStyle = .asWritten) throws {
    let encoder = JSONEncoder()
    if keys == .snakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
    encoder.outputFormatting = [.sortedKeys]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: Self.notFinite, negativeInfinity: Self.notFinite, nan: Self.notFinite)
    let parsed = try JSONValue(parsing: Array(try encoder.encode(value)), depthMax: 512)
    self = parsed.replacingNotFinite()
  }

  /// The value as a `Decodable` type.
  ///
  /// - Throws: what the type's `init(from:)` throws.
  package func decoded<Value: Decodable>(
    as type: Value.Type, keys: KeyStyle = .asWritten
  ) throws -> Value {
    let decoder = JSONDecoder()
    if keys == .snakeCase { decoder.keyDecodingStrategy = .convertFromSnakeCase }
    return try decoder.decode(type, from: Data(bytes))
  }

  /// How a type's property names stand in JSON.
  package enum KeyStyle: Sendable {
    case asWritten, snakeCase
  }

  // No text of ours: the private-use character cannot come from a name or a message.
  private static let notFinite = "\u{F8FF}not finite"

  private func replacingNotFinite() -> JSONValue {
    switch self {
    case .string(Self.notFinite): .null
    case .array(let elements): .array(elements.map { $0.replacingNotFinite() })
    case .object(let object):
      .object(JSONObject(object.map { ($0.0, $0.1.replacingNotFinite()) }))
    case .null, .bool, .int, .double, .string: self
    }
  }

  private struct MemberName: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }

    init?(intValue: Int) { nil }
  }
}
