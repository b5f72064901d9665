/// A figure of a report: null in JSON when it was not measured, and never left out.
///
/// A number that is not finite was not measured either; JSON has no way to write it.
@propertyWrapper
package struct Measured<Value: Codable & Equatable & Sendable>: Codable, Equatable, Sendable {
  package var wrappedValue: Value?

  package init(wrappedValue: Value?) {
    self.wrappedValue = wrappedValue
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    guard let wrappedValue, (wrappedValue as? Double)?.isFinite != false else {
      return try container.encodeNil()
    }
    try container.encode(wrappedValue)
  }
}

extension KeyedDecodingContainer {
  /// A figure that an older report does not have counts as not measured.
  package func decode<Value>(
    _ type: Measured<Value>.Type, forKey key: Key
  ) throws -> Measured<Value> {
    try decodeIfPresent(type, forKey: key) ?? Measured(wrappedValue: nil)
  }
}
