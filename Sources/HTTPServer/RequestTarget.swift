/// The request line's target, taken apart and percent-decoded (RFC 9112 section 3.2, RFC 3986).
struct RequestTarget {
  var rawPath: String
  var path: [String]
  var query: [(name: String, value: String)]

  /// - Parameter target: origin form (`/a?b`), absolute form (`http://host/a?b`) or `*`.
  /// - Throws: `.badTarget` for other characters than RFC 3986 allows unescaped, a `%` that two
  ///   hexadecimal digits do not follow, and for decoded text that is not UTF-8 or holds a NUL.
  init(_ target: [UInt8]) throws(Refusal) {
    guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
      throw .badTarget("it holds characters that must be percent-encoded")
    }
    var rest = try Self.withoutOrigin(target[...])
    query = []
    if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
      query = try Self.pairs(rest[(mark + 1)...])
      rest = rest[..<mark]
    }
    rawPath = String(decoding: rest, as: UTF8.self)
    path = []
    guard rest.first == UInt8(ascii: "/") else { return }
    for segment in rest.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    {
      path.append(try Self.decoded(segment, plus: .isPlus))
    }
  }

  private static func withoutOrigin(
    _ target: ArraySlice<UInt8>
  ) throws(Refusal)
    -> ArraySlice<UInt8>
  {
    if target.first == UInt8(ascii: "/") || target.elementsEqual([UInt8(ascii: "*")]) {
      return target
    }
    for scheme in ["http://", "https://"] where target.starts(with: scheme.utf8) {
      let afterScheme = target.dropFirst(scheme.utf8.count)
      guard let slash = afterScheme.firstIndex(of: UInt8(ascii: "/")) else {
        return [UInt8(ascii: "/")]
      }
      return afterScheme[slash...]
    }
    throw .badTarget("it must start with /")
  }

  private static func pairs(
    _ query: ArraySlice<UInt8>
  ) throws(Refusal)
    -> [(name: String, value: String)]
  {
    var pairs: [(name: String, value: String)] = []
    for part in query.split(separator: UInt8(ascii: "&")) {
      let sides = part.split(
        separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      let value = sides.count == 2 ? try decoded(sides[1], plus: .isSpace) : ""
      pairs.append((name: try decoded(sides[0], plus: .isSpace), value: value))
    }
    return pairs
  }

  /// `+` means a space in a form's query, and itself in a path.
  private enum Plus { case isSpace, isPlus }

  private static func decoded(_ text: ArraySlice<UInt8>, plus: Plus) throws(Refusal) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    var rest = text
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(hexadecimal),
          let low = rest.popFirst().flatMap(hexadecimal)
        else { throw .badTarget("% must be followed by two hexadecimal digits") }
        guard high != 0 || low != 0 else { throw .badTarget("it holds %00") }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plus == .isSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw .badTarget("its percent-encoded bytes are not UTF-8")
    }
    return string
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
