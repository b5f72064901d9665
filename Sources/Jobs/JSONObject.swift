/// The members of a JSON object in their order. Two are equal when they hold the same members in
/// any order.
///
/// Look-up is a linear search: the objects of this program have few members.
package struct JSONObject: Hashable, Sendable, Sequence, ExpressibleByDictionaryLiteral {
  private var keys: [String]
  private var values: [JSONValue]

  /// No members.
  package init() {
    keys = []
    values = []
  }

  /// - Parameter members: of a key that comes twice the last one counts.
  package init(_ members: some Sequence<(String, JSONValue)>) {
    self.init()
    for (key, value) in members { self[key] = value }
  }

  package init(dictionaryLiteral elements: (String, JSONValue)...) {
    self.init(elements)
  }

  /// The number of members.
  package var count: Int { keys.count }

  /// Whether there are none.
  package var isEmpty: Bool { keys.isEmpty }

  /// The member with this key; setting a new key appends, setting nil removes.
  package subscript(key: String) -> JSONValue? {
    get {
      guard let index = keys.firstIndex(of: key) else { return nil }
      return values[index]
    }
    set {
      switch (keys.firstIndex(of: key), newValue) {
      case (let index?, let value?): values[index] = value
      case (let index?, nil):
        keys.remove(at: index)
        values.remove(at: index)
      case (nil, let value?): append(key: key, value: value)
      case (nil, nil): break
      }
    }
  }

  /// Adds a member whose key is known to be new.
  mutating func append(key: String, value: JSONValue) {
    keys.append(key)
    values.append(value)
  }

  /// The members in their order.
  package func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator {
    zip(keys, values).makeIterator()
  }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.count == right.count && left.allSatisfy { right[$0.0] == $0.1 }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(Set(keys))
  }
}
