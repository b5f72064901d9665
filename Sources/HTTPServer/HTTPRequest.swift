/// One whole request: its head was checked and its body is complete before a handler sees it.
package struct HTTPRequest: Sendable {
  /// As sent, case-sensitive: `GET`, `HEAD`, `POST`.
  package var method: String
  /// The path before decoding, without the query; starts with `/`, or is `*`.
  package var rawPath: String
  /// The path's segments, percent-decoded: `/v1/a%2Fb` is `["v1", "a/b"]`, `/` is `[""]`.
  package var path: [String]
  /// The query's pairs in order, percent-decoded, `+` as a space. `a` without `=` has an empty
  /// value.
  package var query: [(name: String, value: String)]
  /// The header fields, trailers excluded.
  package var headers: HTTPHeaders
  /// At most the configuration's `bodyBytesMax` bytes.
  package var body: [UInt8]
  /// The client's numeric address, without the port.
  package var remoteAddress: String
}

/// A request's header fields in the order in which they came.
package struct HTTPHeaders: Sendable {
  /// Names in lower case, values without surrounding blanks.
  package private(set) var fields: [(name: String, value: String)] = []

  /// The first field of that name, whatever the case of `name`.
  package subscript(name: String) -> String? {
    let wanted = name.lowercased()
    return fields.first { $0.name == wanted }?.value
  }

  /// Every value of that name.
  package func values(of name: String) -> [String] {
    let wanted = name.lowercased()
    return fields.filter { $0.name == wanted }.map(\.value)
  }

  /// - Parameter lowercaseName: without capitals, or no lookup finds it.
  mutating func append(_ lowercaseName: String, _ value: String) {
    fields.append((lowercaseName, value))
  }
}
